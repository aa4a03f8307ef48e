# SPDX-License-Identifier: Apache-2.0
"""Databases of fleets, and hosts of one."""
import pytest

from fleet_postgres import FleetDatabase
from postgres import need_postgresql
from scripted_agent import FLEET, Agent


@pytest.fixture
def fleet_database():
    """A new database with the schema, in the cluster that tests share."""
    need_postgresql()
    with FleetDatabase() as fleet:
        yield fleet


@pytest.fixture
def host(daemon):
    """A host of a fleet, without an agent."""
    return daemon(roles=FLEET)


@pytest.fixture
def agent(host):
    """Its agent, each of whose steps the test makes."""
    with Agent(host) as one:
        yield one
