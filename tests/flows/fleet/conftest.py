# SPDX-License-Identifier: Apache-2.0
"""Databases of fleets."""
import pytest

from fleet_postgres import FleetDatabase
from postgres import need_postgresql


@pytest.fixture
def fleet_database():
    """A new database with the schema, in the cluster that tests share."""
    need_postgresql()
    with FleetDatabase() as fleet:
        yield fleet
