# SPDX-License-Identifier: Apache-2.0
"""A rotation of a token of the fleet is two changes: what becomes of it if either fails."""
import pytest

from refused_writes import writes_refused
from scripted_agent import Agent, asked, create, stat
from waiting import eventually


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
    assert second["event"] == "end" and "expires" in second
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


def rotated_with_a_grace(host, agent):
    """Rotate a token whose end does not come to the database; return the old one, and its end."""
    old = create(host, agent, description='"of the shop"')
    client = asked(host, f"rotate {old['id']} grace=1h wait=1s")
    agent.carry_out([agent.take_one()])
    end = agent.take_one()
    assert client.reply()["pending"] == "replaces"
    return old, end


def test_the_end_of_a_rotated_token_is_asked_for_after_a_restart_until_it_is_done(host, agent):
    old, end = rotated_with_a_grace(host, agent)
    agent.close()
    host.restart()
    assert stat(host, "fleet_unsent") == 1
    with Agent(host, agent.changes, takes=False) as other:
        again = other.take_one()
        assert {key: again[key] for key in again if key != "request"} == \
            {key: end[key] for key in end if key != "request"}
        other.fail(again, "unavailable")
        again = other.take_one()
        assert again["expires"] == end["expires"]
        other.carry_out([again])
        eventually(lambda: stat(host, "fleet_unsent") == 0, "it is not kept any more")
        eventually(lambda: [line.get("place") for line in host.done(f"journal id={old['id']} event=update").lines] == [None, agent.changes.newest()],
                   "the journal says where it is")
        other.catch_up()
    host.restart()
    with Agent(host, agent.changes) as last:
        assert last.take("0s") == [] and host.verify(old["token"]) == "OK"
    assert host.done(f"show {old['id']}").lines[0]["expires"] == end["expires"]


def test_the_end_of_a_rotated_token_outlives_a_kill_and_what_the_feed_brings_of_it(host, agent):
    _, end = rotated_with_a_grace(host, agent)
    agent.changes.commit("update", end["digest"], description="of the shop, elsewhere")
    agent.catch_up()
    agent.close()
    host.kill()
    host.start()
    with Agent(host, agent.changes, takes=False) as other:
        again = other.take_one()
        assert (again["event"], again["digest"], again["expires"]) == ("end", end["digest"], end["expires"])
        assert "description" not in again, "it would undo what others have changed meanwhile"
        other.carry_out([again])
        eventually(lambda: stat(host, "fleet_unsent") == 0, "it is not kept any more")


def test_the_end_of_a_rotated_token_that_the_database_refuses_is_forgotten(host, agent):
    rotated_with_a_grace(host, agent)
    agent.close()
    with Agent(host, agent.changes, takes=False) as other:
        other.fail(other.take_one(), "unknown")
        eventually(lambda: stat(host, "fleet_unsent") == 0, "it is not kept any more")
    host.restart()
    with Agent(host, agent.changes) as last:
        assert last.take("0s") == []


@pytest.mark.parametrize("grace, event", [("0s", "revoke"), ("1h", "update")])
def test_the_journal_has_the_end_of_a_rotated_token_though_it_is_not_confirmed(host, agent, grace, event):
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']} grace={grace} wait=1s")
    agent.carry_out([agent.take_one()])
    reply = client.reply()
    assert reply["pending"] == "replaces"
    [entry] = host.done(f"journal id={old['id']} event={event}").lines
    assert entry["replaced_by"] == reply["id"]


def test_the_end_of_a_rotated_token_that_the_disk_refuses_is_saved_later(host, agent):
    old = create(host, agent)
    client = asked(host, f"rotate {old['id']} grace=1h wait=1s")
    first = agent.take_one()
    with writes_refused(host):
        agent.carry_out([first])
        end = agent.take_one()
        assert client.reply()["pending"] == "replaces"
    eventually(lambda: stat(host, "fleet_unsent") == 1, "it is saved")
    agent.close()
    host.restart()
    with Agent(host, agent.changes, takes=False) as other:
        assert other.take_one()["expires"] == end["expires"]


def test_the_end_of_a_rotated_token_is_no_later_by_what_is_older(host, agent):
    """The feed of a host that was cut off brings that in many batches, before the database has answered and after it."""
    old = create(host, agent, scopes="a")
    agent.catch_up()
    for scopes in "b", "c":
        agent.changes.commit("update", agent.changes.changes[-1][2], scopes=scopes)
    client = asked(host, f"rotate {old['id']} grace=1h")
    agent.carry_out([agent.take_one()])
    end = agent.take_one()
    expires = end["expires"]
    new = agent.changes.after(agent.place())
    agent.bring(f"fleet begin place={agent.place()}", new[:1])
    line, = host.done(f"show {old['id']}").lines
    assert (line["expires"], line["scopes"]) == (expires, "b")
    agent.carry_out([end])
    assert client.reply().verdict == "OK"
    agent.bring(f"fleet begin place={agent.place()}", new[1:2])
    line, = host.done(f"show {old['id']}").lines
    assert (line["expires"], line["scopes"]) == (expires, "c")
    agent.catch_up()
    assert host.done(f"show {old['id']}").lines[0]["expires"] == expires
