# SPDX-License-Identifier: Apache-2.0
"""Changes of the fleet's tokens that are asked for on a host: what the agent is asked, and what is answered when."""
import os

import pytest

from scripted_agent import FLEET, Agent, asked, create, stat
from waiting import eventually


# -- create and import -----------------------------------------------------------------------------


def test_a_created_token_is_answered_after_the_commit_and_verifies_at_once(host, agent):
    client = asked(host, 'create group=web subject=shop scopes=a,b description="of the fleet" ttl=1d')
    request = agent.take_one()
    assert (request["event"], request["group"], request["subject"], request["scopes"],
            request["description"]) == ("create", "web", "shop", "a,b", "of the fleet")
    assert request["by"].startswith("uid:") and "expires" in request and "created" in request
    assert "token" not in request and "confirm" not in request
    assert client.silent(0.05)
    place = agent.commit(request)
    assert agent.answer(request, place).verdict == "OK"
    reply = client.reply()
    assert reply.verdict == "OK" and reply["place"] == place and reply["group"] == "web"
    assert reply["id"] == request["digest"][:20] and reply["state"] == "active"
    assert host.verify(reply["token"]) == "OK"       # before the feed has brought it
    assert host.done(f"show {reply['id']}").lines[0]["group"] == "web"
    agent.catch_up()
    assert host.verify(reply["token"], subject="shop", scope="a") == "OK"


def test_the_feed_may_bring_a_token_before_its_place_is_answered(host, agent):
    client = asked(host, "create group=web")
    request = agent.take_one()
    place = agent.commit(request)
    agent.catch_up()
    assert client.silent(0.05)
    agent.answer(request, place)
    reply = client.reply()
    assert reply["place"] == place and host.verify(reply["token"]) == "OK"


def test_what_came_later_by_the_feed_is_not_undone_by_an_earlier_answer(host, agent):
    token = create(host, agent)
    agent.catch_up()
    client = asked(host, f"update {token['id']} scopes=first")
    request = agent.take_one()
    place = agent.commit(request)
    agent.changes.commit("update", request["digest"], scopes="second")
    agent.catch_up()
    agent.answer(request, place)
    assert client.reply()["place"] == place
    assert host.done(f"show {token['id']}").lines[0]["scopes"] == "second"


def test_a_token_is_imported_into_the_fleet_by_its_value(host, agent):
    value = "an-imported-value-of-forty-bytes-or-more-1234"
    client = asked(host, f'import group=web subject=old created=2026-01-01T00:00:00Z token="{value}"')
    request = agent.take_one()
    assert (request["event"], request["created"]) == ("import", "2026-01-01T00:00:00Z")
    agent.carry_out([request])
    assert client.reply().verdict == "OK"
    assert host.verify(value) == "OK"
    assert host.ask(f'import group=web token="{value}"').verdict == "ERR exists"
    assert host.ask(f'import token="{value}"').verdict == "ERR exists"


def test_a_token_of_the_host_alone_is_not_imported_into_the_fleet(host, agent):
    value = "an-imported-value-of-forty-bytes-or-more-1234"
    host.done(f'import token="{value}"')
    assert host.ask(f'import group=web token="{value}"').verdict == "ERR exists"
    assert agent.take("0s") == []


@pytest.mark.parametrize("line, verdict", [
    ("create group=", "ERR bad-value"),
    ("create group=we$b", "ERR bad-value"),
    ("create group=web confirm=some", "ERR bad-value"),
    ("create group=web wait=61s", "ERR bad-value"),
    ("create group=web wait=0s", "ERR bad-value"),
    ("create confirm=all", "ERR syntax"),
    ("create wait=3s", "ERR syntax"),
    ("import group=web digest=" + 64 * "a" + " used=2026-01-01T00:00:00Z", "ERR syntax"),
    ("import group=web digest=" + 64 * "a" + " state=revoked", "ERR bad-value"),
    ("revoke 00112233445566778899 confirm=all", "NO unknown"),
])
def test_a_wrong_request_asks_the_database_for_nothing(host, agent, line, verdict):
    assert host.ask(line).verdict == verdict
    assert int(host.ask("fleet place", "fleet")["waiting"]) == 0


def test_confirm_is_refused_for_a_token_of_the_host_alone(host, agent):
    token = host.create()
    for verb in "revoke", "disable", "enable", "rotate", "delete":
        assert host.ask(f"{verb} {token['id']} confirm=all").verdict == "ERR syntax"
    assert host.verify(token["token"]) == "OK"


def test_a_policy_holds_for_tokens_of_the_fleet_as_for_others(daemon):
    host = daemon(roles=FLEET, config="[policy]\nmax_ttl = 1d\nmax_tokens_per_subject = 1\n")
    with Agent(host) as agent:
        assert host.ask("create group=web subject=a ttl=2d").verdict == "ERR policy"
        token = create(host, agent, subject="a", ttl="1d")
        assert host.ask("create group=web subject=a ttl=1d")["rule"] == "max_tokens_per_subject"
        assert host.ask(f"update {token['id']} ttl=3d").verdict == "ERR policy"


def test_tokens_that_the_database_has_not_answered_about_are_counted(daemon):
    host = daemon(roles=FLEET, config="[policy]\nmax_tokens_per_subject = 2\n")
    with Agent(host) as agent, host.client() as client:
        client.send(*3 * ["create group=web subject=a"])
        eventually(lambda: stat(host, "fleet_waiting") == 2, "both wait")
        agent.carry_out(agent.take())
        replies = [client.reply() for _ in range(3)]
        assert [reply.verdict for reply in replies] == ["OK", "OK", "ERR policy"]
        client.send(f"rotate {replies[0]['id']} grace=1h", f"revoke {replies[0]['id']}")
        assert client.reply()["rule"] == "max_tokens_per_subject"
        agent.carry_out([agent.take_one()])
        assert client.reply().verdict == "OK"
        agent.catch_up()
        client.send("create group=web subject=a wait=1s")       # not answered in time: it counts no longer
        agent.take_one()
        assert client.reply().verdict == "ERR unavailable"
        create(host, agent, subject="a")
        assert host.ask("create group=web subject=a")["rule"] == "max_tokens_per_subject"


def test_a_host_in_no_fleet_says_so(daemon):
    host = daemon()
    reply = host.ask("create group=web")
    assert reply.verdict == "ERR unavailable" and "in no fleet" in reply["message"]
    assert host.list() == []


# -- other changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb, word", [("revoke", "revoked"), ("disable", "disabled")])
def test_a_denial_is_in_force_before_anybody_is_asked(host, agent, verb, word):
    token = create(host, agent)
    client = asked(host, f"{verb} {token['id']}")
    eventually(lambda: host.verify(token["token"]) == f"NO {word}", "it is denied")
    request = agent.take_one()
    assert request["event"] == verb and "created" not in request and request["group"] == "web"
    assert stat(host, "fleet_unsent") == 1
    agent.carry_out([request])
    reply = client.reply()
    assert reply.verdict == "OK" and reply["state"] == word and "place" in reply
    eventually(lambda: stat(host, "fleet_unsent") == 0, "nothing is unsent")


def test_a_value_is_revoked_through_the_verify_socket(host, agent):
    token = create(host, agent)
    client = asked(host, f"revoke token={token['token']}", "verify")
    agent.carry_out([agent.take_one()])
    assert client.reply().verdict == "OK"
    assert host.verify(token["token"]) == "NO revoked"


def test_what_is_revoked_already_goes_up_again(host, agent):
    token = create(host, agent)
    places = []
    for _ in range(2):
        client = asked(host, f"revoke {token['id']}")
        agent.carry_out([agent.take_one()])
        places.append(client.reply()["place"])
    assert places[0] != places[1]


def test_a_disabled_token_is_enabled_when_the_database_says_so(host, agent):
    token = create(host, agent)
    client = asked(host, f"disable {token['id']}")
    agent.carry_out([agent.take_one()])
    client.reply()
    agent.catch_up()
    client = asked(host, f"enable {token['id']}")
    request = agent.take_one()
    assert host.verify(token["token"]) == "NO disabled"
    agent.carry_out([request])
    assert client.reply()["state"] == "active"
    assert host.verify(token["token"]) == "OK"
    agent.catch_up()
    assert host.verify(token["token"]) == "OK"


def test_an_update_sends_what_it_changes_and_is_in_force_at_once(host, agent):
    token = create(host, agent, subject="shop", scopes="a", description="new")
    client = asked(host, f'update {token["id"]} scopes=b ttl=1h description=""')
    request = agent.take_one()
    assert (request["event"], request["scopes"], request["description"]) == ("update", "b", "")
    assert "expires" in request and "subject" not in request and "created" not in request
    assert host.verify(token["token"], scope="b") == "NO scope"
    agent.carry_out([request])
    assert client.reply()["scopes"] == "b"
    assert host.verify(token["token"], scope="b") == "OK"


def test_two_updates_of_a_token_both_count(host, agent):
    token = create(host, agent)
    with host.client() as client:
        client.send(f"update {token['id']} scopes=b", f"update {token['id']} description=new")
        agent.carry_out([agent.take_one()])
        second = agent.take_one()
        assert "scopes" not in second and second["description"] == "new"
        agent.carry_out([second])
        assert [client.reply().verdict for _ in range(2)] == ["OK", "OK"]
    line = host.done(f"show {token['id']}").lines[0]
    assert (line["scopes"], line["description"]) == ("b", "new")


def test_an_update_that_is_offered_again_undoes_nothing_that_came_between(host, agent):
    token = create(host, agent, subject="shop", scopes="a,b", description="old")
    client = asked(host, f"update {token['id']} description=new")
    request = agent.take_one()
    agent.changes.commit("update", request["digest"], scopes="a", expires="2090-01-01T00:00:00Z")
    agent.close()
    with Agent(host, agent.changes, takes=False) as other:       # it catches up
        again = other.take_one()
        assert again == request
        place = other.commit(again)
        assert host.verify(token["token"], scope="b") == "NO scope"
        other.answer(again, place)
        assert client.reply().verdict == "OK"
        for _ in range(2):
            assert host.verify(token["token"], scope="b") == "NO scope", "here it was in force already"
            line = host.done(f"show {token['id']}").lines[0]
            assert (line["scopes"], line["expires"], line["description"]) == ("a", "2090-01-01T00:00:00Z", "new")
            other.catch_up()


def test_an_enable_waits_for_the_disable_before_it(host, agent):
    token = create(host, agent)
    with host.client() as client:
        client.send(f"disable {token['id']}", f"enable {token['id']}")
        agent.carry_out([agent.take_one()])
        agent.carry_out([agent.take_one()])
        assert [client.reply()["state"] for _ in range(2)] == ["disabled", "active"]
    assert host.verify(token["token"]) == "OK"


def test_a_deleted_token_is_unknown_once_the_database_has_deleted_it(host, agent):
    token = create(host, agent)
    client = asked(host, f"delete {token['id']}")
    request = agent.take_one()
    assert host.verify(token["token"]) == "OK"
    agent.carry_out([request])
    assert client.reply()["state"] == "deleted"
    assert host.verify(token["token"]) == "NO unknown"
    agent.catch_up()
    assert host.verify(token["token"]) == "NO unknown"


def test_hosts_are_counted_where_confirm_asks_for_it(host, agent):
    token = create(host, agent)
    client = asked(host, f"revoke {token['id']} confirm=all wait=9s")
    request = agent.take_one()
    assert (request["confirm"], request["wait"]) == ("all", "9s")
    agent.answer(request, agent.commit(request), seen=3, hosts=4)
    reply = client.reply()
    assert (reply.verdict, reply["seen"], reply["hosts"]) == ("OK", "3", "4")


def test_the_journal_says_who_asked_for_what_and_where_it_is_in_the_fleet(host, agent):
    token = create(host, agent, subject="shop")
    client = asked(host, f"revoke {token['id']}")
    agent.carry_out([agent.take_one()])
    place = client.reply()["place"]
    entries = {line["event"]: line for line in host.done(f"journal id={token['id']}").lines}
    assert entries["create"]["subject"] == "shop" and entries["create"]["place"] == token["place"]
    assert entries["revoke"]["place"] == place
    assert all(line["group"] == "web" and line["by"].startswith("uid:") for line in entries.values())


@pytest.mark.parametrize("event", ["revoke", "disable"])
def test_the_journal_says_at_once_who_denied_what(host, agent, event):
    token = create(host, agent, subject="shop")
    client = asked(host, f"{event} {token['id']}")
    request = agent.take_one()
    [entry] = eventually(lambda: host.done(f"journal id={token['id']} event={event}").lines, "it is journalled unconfirmed")
    assert entry["by"] == f"uid:{os.getuid()}" and entry["time"] and entry["pid"] == str(os.getpid())
    assert (entry["group"], entry["subject"]) == ("web", "shop") and "place" not in entry
    agent.carry_out([request])
    place = client.reply()["place"]
    assert [e.get("place") for e in host.done(f"journal id={token['id']} event={event}").lines] == [None, place]


def test_the_journal_keeps_a_denial_that_is_never_confirmed(host, agent):
    token = create(host, agent)
    agent.close()
    assert host.ask(f"revoke {token['id']}").verdict == "ERR unavailable"
    host.restart()
    [entry] = host.done(f"journal id={token['id']} event=revoke").lines
    assert entry["by"] == f"uid:{os.getuid()}" and "place" not in entry


@pytest.mark.parametrize("event", ["revoke", "disable"])
def test_the_journal_says_where_a_denial_is_that_nobody_waited_for_any_more(host, agent, event):
    token = create(host, agent, subject="shop")
    agent.close()
    assert host.ask(f"{event} {token['id']}").verdict == "ERR unavailable"
    host.restart()
    with Agent(host, agent.changes, takes=False) as other:
        other.carry_out([other.take_one()])
        first, second = eventually(lambda: two_of(host.done(f"journal id={token['id']} event={event}").lines), "it is journalled")
    assert "place" not in first and second["place"] == agent.changes.newest()
    assert (second["by"], second["group"]) == (first["by"], "web")


def two_of(lines):
    return lines if len(lines) == 2 else None


def test_an_enable_that_is_confirmed_does_not_end_a_disable_that_was_asked_for_after_it(host, agent):
    token = create(host, agent)
    agent.catch_up()
    host.client("admin").send(f"disable {token['id']}")
    agent.carry_out([agent.take_one()])
    agent.catch_up()
    enabled = asked(host, f"enable {token['id']}")
    enable = agent.take_one()
    disabled = asked(host, f"disable {token['id']} wait=1s")
    assert disabled.reply().verdict == "ERR unavailable"
    place = agent.commit(enable)
    agent.answer(enable, place)
    assert enabled.reply()["place"] == place
    assert host.verify(token["token"]) == "NO disabled"
    host.restart()
    with Agent(host, agent.changes, takes=False) as after:
        assert host.verify(token["token"]) == "NO disabled"
        after.carry_out([after.take_one()])
        after.catch_up()
        assert host.verify(token["token"]) == "NO disabled" and agent.changes.events()[-1][0] == "disable"


def test_a_disable_that_is_confirmed_is_not_ended_by_what_is_older(host, agent):
    """The feed of a host that was cut off brings that first, in many batches."""
    token = create(host, agent, scopes="a")
    agent.catch_up()
    older = [agent.changes.commit("enable", agent.changes.changes[-1][2]) for _ in range(2)]
    for line in f"update {token['id']} scopes=b", f"disable {token['id']}":
        client = asked(host, line)
        agent.carry_out([agent.take_one()])
        assert client.reply().verdict == "OK"
    new = agent.changes.after(agent.place())
    assert [change[0] for change in new[:2]] == older
    for change in new[:3]:
        agent.bring(f"fleet begin place={agent.place()}", [change])
        assert host.verify(token["token"]) == "NO disabled"
    agent.changes.commit("enable", new[-1][2])
    agent.catch_up()
    assert host.verify(token["token"], scope="b") == "OK"


def test_an_enable_that_is_answered_late_does_not_end_a_disable_that_the_feed_has_brought(host, agent):
    """So are those that count hosts."""
    token = create(host, agent)
    for _ in range(2):
        agent.changes.commit("disable", agent.changes.changes[-1][2])
        agent.catch_up()
        client = asked(host, f"enable {token['id']} confirm=all wait=9s")
        enable = agent.take_one()
        place = agent.commit(enable)
        agent.catch_up()
        assert host.verify(token["token"]) == "OK"
        agent.changes.commit("disable", enable["digest"])
        agent.catch_up()
        assert agent.answer(enable, place, seen=1, hosts=1).verdict == "OK"
        assert client.reply()["place"] == place
        assert host.verify(token["token"]) == "NO disabled"
