# SPDX-License-Identifier: Apache-2.0
"""Names of the database's hosts are looked up beside the agent's loop, whatever a name server does."""
import os
import tempfile

import pytest

import preload
from fleet_agent import Agent, answer, create, following
from fleet_link import Link
from waiting import eventually


@pytest.fixture(name="hosts")
def fixture_hosts(monkeypatch):
    """Return a function that says which hosts there are: name=address; one whose address is `-` is never found."""
    path = f"{tempfile.mkdtemp()}/hosts"
    monkeypatch.setenv("JETON_HOSTS", path)
    monkeypatch.setenv("LD_PRELOAD", preload.built("resolving"))

    def hosts(**addresses):
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.writelines(f"{address} {name}.test\n" for name, address in addresses.items())
        os.rename(f"{path}.new", path)
    return hosts


def test_name_server_that_does_not_answer_does_not_stop_the_agent(fleet_database, fake_jetond, hosts):
    hosts(silent="-")
    with Agent(fleet_database.conninfo("h1", host="silent.test"), fake_jetond.path) as agent:
        what, values = answer(fake_jetond, fake_jetond.offer(create(1)), within=15)
        assert (what, values["code"]) == ("failed", "unavailable")
        assert "silent.test, cannot be resolved: no answer in time" in agent.log()


def test_server_whose_name_is_not_found_keeps_nobody_from_the_next_one(fleet_database, fake_jetond, hosts):
    hosts(silent="-", db="127.0.0.1")
    fleet_database.join("h1", "web").close()
    with Link(None, fleet_database.cluster.directory) as link:
        database = fleet_database.conninfo("h1", host="silent.test,db.test", port=f"1,{link.port}", sslmode="disable")
        with following(database, fake_jetond) as agent:
            assert "connected to db.test" in agent.log()
            link.cut()
            eventually(lambda: agent.log().count("connected to db.test") == 2, "it is found again", 15)


def test_name_is_looked_up_for_each_connection(fleet_database, fake_jetond, hosts):
    hosts(db="127.0.0.9")
    fleet_database.join("h1", "web").close()
    with Link(None, fleet_database.cluster.directory) as link:
        database = fleet_database.conninfo("h1", host="db.test", port=link.port, sslmode="disable")
        with Agent(database, fake_jetond.path) as agent:
            eventually(lambda: "127.0.0.9" in agent.log(), "the server is not there")
            hosts(db="127.0.0.1")
            eventually(lambda: fake_jetond.lease() > 0, "it has moved, and is found", 15)


def test_answer_that_came_while_the_agent_was_connected_is_not_used_later(fleet_database, fake_jetond, hosts):
    hosts(late="-", db="127.0.0.1")
    fleet_database.join("h1", "web").close()
    with Link(None, fleet_database.cluster.directory) as link:
        database = fleet_database.conninfo("h1", host="late.test,db.test", port=link.port, sslmode="disable")
        with following(database, fake_jetond) as agent:
            assert "connected to db.test" in agent.log()
            hosts(late="127.0.0.9", db="127.0.0.1")
            eventually(lambda: len(os.listdir(f"/proc/{agent.process.pid}/task")) == 1, "the name has its answer")
            hosts(late="127.0.0.1", db="127.0.0.1")
            link.cut()
            eventually(lambda: agent.log().count("database: connected to") == 2, "it is connected again", 15)
            assert "connected to late.test" in agent.log()
