# SPDX-License-Identifier: Apache-2.0
"""Many changes of the fleet's tokens: their order, and who waits for whom."""
import hashlib

from scripted_agent import Agent, asked, create, stat
from waiting import eventually


def test_answers_keep_the_order_of_requests(host, agent):
    with host.client() as client:
        client.send("create group=web description=first", "create description=second", "create group=web "
                    "description=third", "create description=fourth", "ping")
        eventually(lambda: stat(host, "fleet_waiting") == 2, "both wait")
        assert client.silent(0.05)
        requests = agent.take()
        agent.carry_out(requests[::-1])
        assert [client.reply()["description"] for _ in range(4)] == ["first", "second", "third", "fourth"]
        assert client.reply().verdict == "OK"


def test_changes_of_this_host_pass_those_that_wait(host, agent):
    waiting = asked(host, "create group=web")
    eventually(lambda: stat(host, "fleet_waiting") == 1, "it waits")
    token = host.create()
    host.done(f"revoke {token['id']}")
    assert waiting.silent()


def test_ten_thousand_tokens_are_revoked_by_one_filter(host, agent):
    count = 10000
    local = host.create(subject="flood")
    for number in range(count - 1):
        agent.changes.commit("create", hashlib.sha256(str(number).encode()).hexdigest(),
                             created="2026-01-01T00:00:00Z", subject="flood")
    agent.catch_up()
    matched = host.ask("revoke subject=flood")["matched"]
    assert int(matched) == count
    agent.start(feeds=False)
    reply = host.client(patience=90).request(f"revoke subject=flood count={count} wait=60s")
    assert (reply.verdict, reply["count"], reply["changed"]) == ("OK", str(count), str(count))
    assert "place" in reply and len(agent.taken) == count - 1
    assert host.verify(local["token"]) == "NO revoked"
    assert len(host.list(state="revoked", subject="flood", fields="id")) == count
    eventually(lambda: stat(host, "fleet_unsent") == 0, "nothing is unsent")


def test_many_tokens_are_denied_though_the_database_takes_none(host, agent):
    tokens = [create(host, agent, subject="many") for _ in range(3)]
    agent.catch_up()
    agent.close()
    eventually(lambda: host.ask("create group=web").verdict == "ERR unavailable", "the agent has gone")
    reply = host.ask("revoke subject=many count=3")
    assert reply.verdict == "ERR unavailable" and reply["count"] == "3" and reply["changed"] == "0"
    with Agent(host, agent.changes, takes=False) as other:
        assert all(host.verify(token["token"]) == "NO revoked" for token in tokens)
        assert len(other.take()) == 3


def test_a_filter_updates_tokens_of_the_fleet_and_of_the_host(host, agent):
    create(host, agent, subject="both")
    host.create(subject="both")
    client = asked(host, "update subject=both scopes=new count=2")
    request = agent.take_one()
    assert request["scopes"] == "new"
    agent.carry_out([request])
    reply = client.reply()
    assert (reply["count"], reply["changed"]) == ("2", "2")
    assert [line["scopes"] for line in host.list(subject="both")] == ["new", "new"]
