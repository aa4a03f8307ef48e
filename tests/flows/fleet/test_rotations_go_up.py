# SPDX-License-Identifier: Apache-2.0
"""A rotation of a token of the fleet is two changes: what becomes of it if either fails."""
import pytest

from scripted_agent import Agent, asked, create


def test_a_rotation_ends_the_old_token_after_the_new_one_is_there(host, agent):
    old = create(host, agent, subject="shop")
    client = asked(host, f"rotate {old['id']}")
    first = agent.take_one()
    assert (first["event"], first["replaces"], first["subject"]) == ("rotate", old["id"], "shop")
    assert host.verify(old["token"]) == "OK"
    agent.carry_out([first])
    second = agent.take_one()
    assert (second["event"], second["digest"][:20]) == ("revoke", old["id"])
    assert host.verify(old["token"]) == "NO revoked"
    agent.carry_out([second])
    reply = client.reply()
    assert reply.verdict == "OK" and reply["replaces"] == old["id"] and "pending" not in reply
    assert host.verify(reply["token"], subject="shop") == "OK"
    assert reply["place"] == agent.changes.newest()


def test_a_rotation_with_a_grace_lets_the_old_token_end_later(host, agent):
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']} grace=1h")
    agent.carry_out([agent.take_one()])
    second = agent.take_one()
    assert second["event"] == "update" and "expires" in second
    agent.carry_out([second])
    reply = client.reply()
    assert host.verify(old["token"]) == "OK" and host.verify(reply["token"]) == "OK"
    assert "expires" in host.done(f"show {old['id']}").lines[0]


def test_a_rotation_that_fails_first_changes_nothing(host, agent):
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']}")
    agent.fail(agent.take_one(), "unavailable")
    reply = client.reply()
    assert reply.verdict == "ERR unavailable" and "token" not in reply
    assert host.verify(old["token"]) == "OK"
    assert agent.take("0s") == []


@pytest.mark.parametrize("grace", ["0s", "1h"])
def test_a_rotation_whose_second_half_fails_shows_the_value_and_tries_again(host, agent, grace):
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']} grace={grace}")
    agent.carry_out([agent.take_one()])
    agent.fail(agent.take_one(), "unavailable")
    reply = client.reply()
    assert (reply.verdict, reply["pending"]) == ("OK", "replaces")
    assert host.verify(reply["token"]) == "OK"
    again = agent.take_one()
    assert again["digest"][:20] == old["id"]
    agent.carry_out([again])
    assert agent.take("0s") == []


def test_a_rotation_whose_agent_dies_in_between_is_ended_by_the_next(host, agent):
    changes = agent.changes
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']} wait=1s")
    agent.carry_out([agent.take_one()])
    agent.take_one()
    agent.close()
    assert client.reply()["pending"] == "replaces"
    with Agent(host, changes, takes=False) as other:
        again = other.take_one()
        assert (again["event"], again["digest"][:20]) == ("revoke", old["id"])
        other.carry_out([again])
        assert host.verify(old["token"]) == "NO revoked"
