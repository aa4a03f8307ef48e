# SPDX-License-Identifier: Apache-2.0
"""Databases of fleets."""
import tempfile

import pytest

from fake_jetond import FakeJetond
from fleet_postgres import FleetDatabase
from postgres import need_postgresql


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
