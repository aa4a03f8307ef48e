# SPDX-License-Identifier: Apache-2.0
"""Changes of the fleet's tokens that are asked for on a host: what the agent is asked, and what is answered when."""
import time

import pytest

from daemon import ROLES
from scripted_agent import Agent, Changes
from waiting import eventually

FLEET = (*ROLES, "fleet")


@pytest.fixture
def host(daemon):
    """A host of a fleet, without an agent."""
    return daemon(roles=FLEET)


@pytest.fixture
def agent(host):
    with Agent(host) as one:
        yield one


def asked(host, line, role="admin"):
    """Send a request on a connection of its own, and do not wait for the answer."""
    client = host.client(role)
    client.send(line)
    return client


def create(host, agent, **claims):
    """Create a token of the fleet, one step after the other; return the reply."""
    line = "create group=web" + "".join(f" {key}={value}" for key, value in claims.items())
    client = asked(host, line)
    agent.carry_out([agent.take_one()])
    reply = client.reply()
    assert reply.verdict == "OK", reply
    return reply


def stat(host, name):
    return int(host.stats()[name])


# -- create and import ------------------------------------------------------------------------------


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
    agent.changes.commit("update", request["digest"], created=request["created"], scopes="second")
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


def test_a_host_in_no_fleet_says_so(daemon):
    host = daemon()
    reply = host.ask("create group=web")
    assert reply.verdict == "ERR unavailable" and "in no fleet" in reply["message"]
    assert host.list() == []


# -- other changes ----------------------------------------------------------------------------------


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


def test_an_update_sends_the_whole_record_and_is_in_force_at_once(host, agent):
    token = create(host, agent, subject="shop", scopes="a")
    client = asked(host, f"update {token['id']} scopes=b ttl=1h")
    request = agent.take_one()
    assert (request["event"], request["subject"], request["scopes"]) == ("update", "shop", "b")
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
        assert (second["scopes"], second["description"]) == ("b", "new")
        agent.carry_out([second])
        assert [client.reply().verdict for _ in range(2)] == ["OK", "OK"]


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


# -- rotate -----------------------------------------------------------------------------------------


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


# -- failures ---------------------------------------------------------------------------------------


def test_without_an_agent_nothing_is_created(host):
    reply = host.ask("create group=web")
    assert reply.verdict == "ERR unavailable" and "no agent of the fleet is connected" in reply["message"]
    assert host.list() == []


def test_what_the_agent_does_not_take_in_time_is_not_done(host, agent):
    began = time.monotonic()
    reply = host.ask("create group=web wait=1s")
    assert 0.9 < time.monotonic() - began < 4
    assert reply.verdict == "ERR unavailable" and "nothing was done" in reply["message"]
    assert agent.take("0s") == []


def test_what_the_agent_took_and_does_not_answer_is_perhaps_done(host, agent):
    client = asked(host, "create group=web wait=1s")
    request = agent.take_one()
    reply = client.reply()
    assert reply.verdict == "ERR unavailable" and "perhaps done" in reply["message"]
    assert reply["id"] == request["digest"][:20] and "token" not in reply
    # A late answer is no error, and the feed brings the token, which can then be revoked.
    place = agent.commit(request)
    assert agent.answer(request, place).verdict == "OK"
    agent.catch_up()
    client = asked(host, f"revoke {reply['id']}")
    agent.carry_out([agent.take_one()])
    assert client.reply()["state"] == "revoked"


def test_an_agent_that_is_lost_before_it_takes_is_followed_by_another(host, agent):
    client = asked(host, "create group=web")
    changes = agent.changes
    eventually(lambda: stat(host, "fleet_waiting") == 1, "it waits")
    agent.close()
    with Agent(host, changes, takes=False) as other:
        other.carry_out([other.take_one()])
        assert client.reply().verdict == "OK"


def test_an_agent_that_is_lost_after_it_has_committed_is_asked_again(host, agent):
    client = asked(host, "create group=web")
    request = agent.take_one()
    agent.commit(request)
    agent.close()
    with Agent(host, agent.changes, takes=False) as other:
        again = other.take_one()
        assert again == request
        other.fail(again, "exists")
        update = other.take_one()
        assert (update["event"], update["digest"]) == ("update", request["digest"])
        other.carry_out([update])
        reply = client.reply()
        assert reply.verdict == "OK" and reply["place"] == agent.changes.newest()
        assert host.verify(reply["token"]) == "OK"


def test_what_nobody_waits_for_is_not_created_by_the_next_agent(host, agent):
    client = asked(host, "create group=web wait=1s")
    agent.take_one()
    assert client.reply().verdict == "ERR unavailable"
    agent.close()
    with Agent(host, agent.changes, takes=False) as other:
        assert other.take("0s") == []


def test_one_session_takes_at_a_time(host, agent):
    with host.client("fleet") as second:
        assert second.request("fleet take").verdict == "ERR busy"
        agent.close()
        eventually(lambda: second.request("fleet take wait=0s").verdict == "OK", "the other one has gone")


def test_a_take_ends_with_the_next_line(host, agent):
    agent.client.send("fleet take", "ping")
    assert agent.client.reply()["count"] == "0"
    assert agent.client.reply().verdict == "OK"


def test_an_answer_to_an_unknown_request_is_unknown(host, agent):
    place = f"5:{32 * 'a'}"
    assert agent.client.request(f"fleet done request=7 place={place}").verdict == "NO unknown"
    assert agent.client.request("fleet failed request=7 code=denied").verdict == "NO unknown"
    assert agent.client.request("fleet done request=7 place=none").verdict == "ERR bad-value"
    client = asked(host, "create group=web")
    request = agent.take_one()
    place = agent.commit(request)
    assert agent.answer(request, place).verdict == "OK"
    assert agent.answer(request, place).verdict == "NO unknown"
    assert client.reply().verdict == "OK"


@pytest.mark.parametrize("code, verdict", [
    ("unavailable", "ERR unavailable"), ("denied", "ERR forbidden"), ("exists", "ERR exists"),
    ("unknown", "NO unknown"), ("bad-value", "ERR bad-value"), ("not-confirmed", "ERR unavailable"),
    ("of-a-later-version", "ERR unavailable"),
])
def test_each_code_of_a_failure_has_its_answer(host, agent, code, verdict):
    client = asked(host, "create group=web")
    agent.fail(agent.take_one(), code, "why\nnot")
    reply = client.reply()
    assert reply.verdict == verdict and "why?not" in reply["message"] and "token" not in reply
    assert ("perhaps" in reply["message"]) == (code in ("not-confirmed", "of-a-later-version"))


@pytest.mark.parametrize("code", ["unavailable", "not-confirmed"])
def test_a_denial_that_fails_is_offered_again_until_it_is_done(host, agent, code):
    token = create(host, agent)
    client = asked(host, f"revoke {token['id']}")
    agent.fail(agent.take_one(), code)
    reply = client.reply()
    assert reply.verdict == "ERR unavailable" and "in force on this host" in reply["message"]
    assert host.verify(token["token"]) == "NO revoked"
    agent.carry_out([agent.take_one()])
    eventually(lambda: stat(host, "fleet_unsent") == 0, "nothing is unsent")


@pytest.mark.parametrize("code", ["denied", "unknown"])
def test_a_denial_that_the_database_refuses_stays_in_force_here_and_is_not_asked_for_again(host, agent, code):
    token = create(host, agent)
    client = asked(host, f"disable {token['id']}")
    agent.fail(agent.take_one(), code, "no right")
    reply = client.reply()
    assert "on this host alone" in reply["message"] and reply.verdict.startswith(("ERR", "NO"))
    assert host.verify(token["token"]) == "NO disabled"
    assert agent.take("0s") == []
    assert host.log().count("does not take a change") == 1
    eventually(lambda: stat(host, "fleet_unsent") == 0, "nothing is unsent")


def test_a_denial_without_an_agent_is_kept_and_goes_up_after_a_restart(host, agent):
    token = create(host, agent)
    agent.catch_up()
    agent.close()
    eventually(lambda: host.ask("create group=web").verdict == "ERR unavailable", "the agent has gone")
    reply = host.ask(f"revoke {token['id']}")
    assert reply.verdict == "ERR unavailable" and "in force on this host" in reply["message"]
    assert host.verify(token["token"]) == "NO revoked"
    host.kill()
    host.start()
    assert stat(host, "fleet_unsent") == 1
    with Agent(host, agent.changes, takes=False) as other:
        assert host.verify(token["token"]) == "NO revoked"
        request = other.take_one()
        assert (request["event"], request["digest"][:20], request["group"]) == ("revoke", token["id"], "web")
        other.carry_out([request])
        eventually(lambda: stat(host, "fleet_unsent") == 0, "nothing is unsent")
    host.restart()
    assert stat(host, "fleet_unsent") == 0


def test_a_client_that_goes_away_takes_nothing_back(host, agent):
    client = asked(host, "create group=web")
    request = agent.take_one()
    client.close()
    agent.carry_out([request])
    eventually(lambda: host.done(f"list group=web").lines != [], "the token is here")
    assert stat(host, "fleet_waiting") == 0


def test_what_is_held_is_answered_when_the_daemon_ends(host, agent):
    clients = [asked(host, "create group=web wait=60s") for _ in range(3)]
    assert len(agent.take()) >= 1
    eventually(lambda: stat(host, "fleet_waiting") == 3, "all wait")
    began = time.monotonic()
    host.stop()
    assert time.monotonic() - began < 5
    for client in clients:
        assert [reply.verdict for reply in client.closed()] in ([], ["ERR unavailable"])


# -- many -------------------------------------------------------------------------------------------


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
        agent.changes.commit("create", f"{number:020x}{44 * 'a'}", created="2026-01-01T00:00:00Z", subject="flood")
    agent.catch_up()
    matched = host.ask("revoke subject=flood")["matched"]
    assert int(matched) == count
    agent.start(feeds=False)
    began = time.monotonic()
    reply = host.client(patience=60).request(f"revoke subject=flood count={count}")
    taken = time.monotonic() - began
    assert (reply.verdict, reply["count"], reply["changed"]) == ("OK", str(count), str(count))
    assert "place" in reply and len(agent.taken) == count - 1
    assert host.verify(local["token"]) == "NO revoked"
    assert len(host.list(state="revoked", subject="flood", fields="id")) == count
    assert taken < 20, f"{taken:.1f} s"
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
