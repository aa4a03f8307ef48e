# SPDX-License-Identifier: Apache-2.0
"""Databases of fleets, and hosts of one."""
import tempfile

import pytest

from fake_jetond import FakeJetond
from fleet_postgres import FleetDatabase, shared_cluster
from postgres import need_postgresql
from scripted_agent import FLEET, Agent


@pytest.fixture
def shared_postgres():
    """The cluster that tests share; what a test makes there it takes away."""
    need_postgresql()
    return shared_cluster()


@pytest.fixture
def fleet_database():
    """A new database with the schema, in the cluster that tests share."""
    need_postgresql()
    with FleetDatabase() as fleet:
        yield fleet


@pytest.fixture
def fake_jetond():
    """What the agent takes for jetond; its faults fail the test."""
    with FakeJetond(f"{tempfile.mkdtemp()}/fleet.sock") as fake:
        yield fake


@pytest.fixture
def host(daemon):
    """A host of a fleet, without an agent."""
    return daemon(roles=FLEET)


@pytest.fixture
def agent(host):
    """Its agent, each of whose steps the test makes."""
    with Agent(host) as one:
        yield one
