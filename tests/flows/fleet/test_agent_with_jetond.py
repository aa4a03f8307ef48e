# SPDX-License-Identifier: Apache-2.0
"""Database, agent and jetond together: create on one host, honoured on the other, revoke, refused."""
import statistics
import time

import pytest

from fleet_agent import Agent
from scripted_agent import FLEET
from waiting import eventually


@pytest.fixture
def hosts(daemon, fleet_database):
    """Two hosts of the group web, the first an issuer, each with a lease."""
    daemons, agents = [], []
    for name, issuer in (("h1", True), ("h2", False)):
        fleet_database.join(name, "web", issuer=issuer).close()
        daemons.append(daemon(roles=FLEET))
        agents.append(Agent(fleet_database.conninfo(name), daemons[-1].path("fleet"), "fleet.lease=5s").__enter__())
    for one in daemons:         # whoever has a lease knows that there is no such token
        eventually(lambda one=one: one.verify("x" * 40) == "NO unknown", "a lease")
    yield daemons
    for agent in agents:
        print(agent.log())
        agent.__exit__(None)


def test_what_is_created_here_is_honoured_there_and_what_is_revoked_there_is_refused_here(hosts):
    here, there = hosts
    made = here.create(group="web", subject="ann")
    eventually(lambda: there.verify(made["token"]) == "OK", "it is honoured there")
    assert here.verify(made["token"]) == "OK"
    there.done(f"revoke {made['id']}")
    assert there.verify(made["token"]) == "NO revoked"
    eventually(lambda: here.verify(made["token"]) == "NO revoked", "it is refused here")


def test_agent_on_another_socket_of_jetond_says_so_once(daemon, fleet_database):
    fleet_database.join("h1", "web").close()
    with Agent(fleet_database.conninfo("h1"), daemon(roles=FLEET).path("admin")) as agent:
        eventually(lambda: "is this its socket [fleet]?" in agent.log(), "it says so")
        time.sleep(0.7)         # it has tried again
        assert agent.log().count("warning: jetond") == 1


def refused_after(revoke, verify, token):
    """Return the milliseconds from the answer of a revocation until the token is refused."""
    revoke()
    answered = time.perf_counter()
    while verify(token) == "OK":
        assert time.perf_counter() - answered < 10
    return (time.perf_counter() - answered) * 1000


def test_revoked_token_is_refused_elsewhere_within_milliseconds(hosts):
    here, there = hosts
    took = []
    for _ in range(40):
        made = here.create(group="web")
        eventually(lambda token=made["token"]: there.verify(token) == "OK", "it is honoured there", every=0.001)
        took.append(refused_after(lambda ident=made["id"]: here.done(f"revoke {ident}"), there.verify, made["token"]))
    took.sort()
    print(f"answer to a revocation until it is refused elsewhere: p50 {statistics.median(took):.1f} ms, most {took[-1]:.1f} ms")
    assert statistics.median(took) < 500
