# SPDX-License-Identifier: Apache-2.0
"""Changes of the fleet's tokens that do not come to its database, or whose answer does not come back."""
import contextlib
import time

import pytest

from refused_writes import writes_refused
from scripted_agent import FLEET, Agent, asked, create, stat
from settings import PATIENCE
from waiting import eventually


def test_without_an_agent_nothing_is_created(host):
    reply = host.ask("create group=web")
    assert reply.verdict == "ERR unavailable" and "no agent of the fleet is connected" in reply["message"]
    assert host.list() == []


def test_what_the_agent_does_not_take_in_time_is_not_done(host, agent):
    began = time.monotonic()
    reply = host.ask("create group=web wait=1s")
    assert 0.9 < time.monotonic() - began < 4 * PATIENCE
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
        assert set(update) == {"request", "event", "digest", "group", "by"}, "it changes nothing"
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
    eventually(lambda: host.log().count("does not take a change") == 1, "it is logged once")
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


def test_no_number_of_a_request_is_given_again_however_soon_the_daemon_starts(host, agent):
    """An agent that has a request under way would take another one of that number for the same."""
    tokens = [create(host, agent)["id"] for _ in range(3)]
    agent.catch_up()
    clients = [asked(host, f"revoke {token} wait=60s") for token in tokens]
    given = []
    for start in range(1, 4):       # of which two are in one second
        while len(given) < start * len(tokens):
            given += [int(request["request"]) for request in agent.take()]
        agent.close()
        host.kill_unseen()
        host.start()
        agent = Agent(host, agent.changes, takes=False)
    assert given == sorted(set(given))
    for one in agent, *clients:
        one.close()


def test_a_denial_that_the_disk_refuses_is_in_force_goes_up_and_is_saved_later(host, agent):
    token = create(host, agent)
    agent.catch_up()
    with writes_refused(host):
        client = asked(host, f"revoke {token['id']}")
        agent.fail(agent.take_one(), "unavailable")
        reply = client.reply()
        assert reply.verdict == "ERR store" and "in force on this host, but not saved" in reply["message"]
        assert host.verify(token["token"]) == "NO revoked"
        agent.fail(agent.take_one(), "unavailable")
    eventually(lambda: stat(host, "fleet_unsent") == 1, "it is saved")
    eventually(lambda: host.done(f"journal id={token['id']} event=revoke").lines, "so is its entry")
    host.kill()
    host.start()
    with Agent(host, agent.changes, takes=False) as other:
        assert host.verify(token["token"]) == "NO revoked"
        assert other.take_one()["event"] == "revoke"


def test_what_the_database_has_is_answered_so_though_the_disk_of_the_host_refuses_it(host, agent):
    with writes_refused(host):
        token = create(host, agent)
        assert host.verify(token["token"]) == "OK"
        reply = host.ask(f"revoke {token['id']}")
        assert reply.verdict == "ERR store" and "in force on this host" in reply["message"]
        assert host.verify(token["token"]) == "NO revoked"
    eventually(lambda: host.ask("create").verdict == "OK", "the store can be written")
    agent.catch_up()
    assert host.verify(token["token"]) == "NO revoked"
    client = asked(host, f"revoke {token['id']}")
    agent.carry_out([agent.take_one()])
    assert client.reply()["state"] == "revoked"


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
    assert time.monotonic() - began < 15 * PATIENCE, "nobody's 60 s are waited for"
    for client in clients:
        assert [reply.verdict for reply in client.closed()] in ([], ["ERR unavailable"])


@pytest.mark.parametrize("code", ["unavailable", "denied"])
def test_what_was_offered_before_is_perhaps_done_whatever_becomes_of_the_next_offer(host, agent, code):
    client = asked(host, "create group=web")
    request = agent.take_one()
    agent.commit(request)
    agent.close()
    with Agent(host, agent.changes, takes=False) as other:
        other.fail(other.take_one(), code)
        reply = client.reply()
        assert "perhaps done" in reply["message"] and reply["id"] == request["digest"][:20]


def test_tokens_are_counted_as_their_subjects_while_the_disk_refuses_what_denies_them(daemon):
    host = daemon(roles=FLEET, config="[policy]\nmax_tokens_per_subject = 3\n")
    with Agent(host) as agent:
        denied, *_ = [create(host, agent, subject="ann") for _ in range(3)]
        agent.catch_up()
        with writes_refused(host):
            client = asked(host, f"revoke {denied['id']}")
            agent.fail(agent.take_one(), "unavailable")     # a second later it is tried again to save it
            assert client.reply().verdict == "ERR store"
            agent.carry_out([agent.take_one()])
        eventually(lambda: host.ask("create").verdict == "OK", "the store can be written")
        agent.catch_up()
        assert host.log().count("denials are in force, and sent to the database, but not saved") == 1
        create(host, agent, subject="ann")
        assert host.ask("create group=web subject=ann")["rule"] == "max_tokens_per_subject"


def test_denials_that_wait_for_the_database_keep_nobody_from_denying(daemon):
    host = daemon("daemon.workers=1", roles=FLEET)
    with Agent(host) as agent, contextlib.ExitStack() as stack:
        token, own = create(host, agent), host.create()
        clients = [stack.enter_context(host.client("verify")) for _ in range(36)]
        for client in clients[:-1]:
            client.send(*16 * [f'revoke token="{token["token"]}"'])
        began = time.monotonic()
        eventually(lambda: host.verify(token["token"]) == "NO revoked", "it is in force")
        assert clients[-1].request(f'revoke token="{own["token"]}"').verdict == "OK"
        assert time.monotonic() - began < 4, "the 5 s of others are not waited for"
        answered = eventually(lambda: [c for c in clients[:-1] if not c.silent()], "those of whom too many wait are answered")
        assert "in force on this host" in answered[-1].reply()["message"]
