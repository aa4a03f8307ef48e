# SPDX-License-Identifier: Apache-2.0
"""The agent brings jetond what the database has, in its order, and the lease that it earns by that."""
import contextlib
import tempfile

import pytest

from fake_jetond import FakeJetond, boottime
from fleet_agent import Agent
from fleet_postgres import deny, digest_of, put
from waiting import eventually


@pytest.fixture
def fake():
    with FakeJetond(f"{tempfile.mkdtemp()}/fleet.sock") as one:
        yield one


@contextlib.contextmanager
def following(fleet, fake, *settings, host="h1"):
    with Agent(fleet.conninfo(host), fake.path, "fleet.lease=5s", *settings) as agent:
        eventually(lambda: fake.lease() > 0, f"the host has a lease: {agent.log()}")
        try:
            yield agent
        finally:
            print(agent.log())


def newest(fleet):
    return fleet.admin.value("select coalesce(max(serial), 0) from jeton.change")


def has_all(fleet, fake):
    eventually(lambda: fake.serial == newest(fleet), "the host has all changes")


def test_an_empty_database_gives_a_lease_and_then_its_changes(fleet_database, fake):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("delete from jeton.change")
    with following(fleet_database, fake):
        assert fake.place == "none"
        put(issuer, digest_of(1), subject="ann", description='of "ann"\n')
        eventually(lambda: fake.state(digest_of(1).hex()) == "active", "the token is known")
        assert fake.tokens[digest_of(1).hex()]["description"] == 'of "ann"\\n'
        deny(issuer, digest_of(1))
        eventually(lambda: fake.state(digest_of(1).hex()) == "revoked", "it is revoked")
        has_all(fleet_database, fake)
