# SPDX-License-Identifier: Apache-2.0
"""Changes that are asked for on a host go up, and are answered when the database has committed them."""
import time

import preload
import pytest

from fleet_agent import Agent, answer, caught_up, create, denial, following
from fleet_postgres import digest_of, put
from waiting import eventually

def state(fleet, number):
    rows = fleet.admin.ask("select state from jeton.token where digest = $1", digest_of(number))
    return rows[0][0] if rows else None


def test_create_is_made_with_all_its_claims_and_answered_with_its_place(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        what, values = answer(fake_jetond, fake_jetond.offer(create(
            1, ' expires=2028-01-01T00:00:00Z subject="ann \\"a\\"" scopes=a,b description="two\\nlines" replaces=00112233445566778899')))
        assert what == "done"
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) == "active", "it comes back")
        assert fake_jetond.place == values["place"]
        claims = fake_jetond.tokens[digest_of(1).hex()]
        assert (claims["subject"], claims["description"], claims["scopes"]) == ('ann "a"', "two\nlines", "a,b")
        assert (claims["expires"], claims["replaces"], claims["by"]) == ("2028-01-01T00:00:00Z", "00112233445566778899", "uid:1000")


def test_each_event_goes_up_as_what_it_is(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        assert answer(fake_jetond, fake_jetond.offer(create(1)))[0] == "done"
        for line, expected in ((denial(1, "disable"), "disabled"), (denial(1, "enable"), "active"),
                               (denial(1, "update", " subject=x"), "active"),
                               (denial(1, "end", " expires=2090-01-01T00:00:00Z"), "active"), (denial(1), "revoked"),
                               (denial(1, "delete"), "deleted")):
            assert answer(fake_jetond, fake_jetond.offer(line))[0] == "done", line
            assert state(fleet_database, 1) == expected, line
        assert " expires=2090-01-01T00:00:00Z subject=x " in fleet_database.admin.value("select words from jeton.token")


@pytest.mark.parametrize("line, code", [
    (create(1), "exists"), (denial(7), "unknown"), (create(2).replace("group=web", "group=db"), "denied"),
    (create(2).replace("web", "-x"), "bad-value"), (create(2).replace("event=create", "event=burn"), "bad-value"),
])
def test_refusal_of_the_database_has_its_code(fleet_database, fake_jetond, line, code):
    other = fleet_database.join("h2", "web", issuer=True)
    put(other, digest_of(1))
    fleet_database.join("h1", "web", issuer=code != "unknown")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        what, values = answer(fake_jetond, fake_jetond.offer(line))
        assert (what, values["code"]) == ("failed", code), values


def test_host_that_is_no_issuer_makes_no_token(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        what, values = answer(fake_jetond, fake_jetond.offer(create(1)))
        assert (what, values["code"]) == ("failed", "denied") and state(fleet_database, 1) is None
        assert "not an issuer" in values["message"] and "--issuer" in values["message"]


def test_one_that_is_refused_holds_up_none_of_those_beside_it(fleet_database, fake_jetond):
    other = fleet_database.join("h2", "web", issuer=True)
    put(other, digest_of(5))
    fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        requests = fake_jetond.offer_all([create(n) for n in range(1, 11)])
        answers = [answer(fake_jetond, request)[0] for request in requests]
        assert answers == ["done"] * 4 + ["failed"] + ["done"] * 5


def test_many_revocations_share_statements(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        requests = fake_jetond.offer_all([denial(n) for n in range(1, 3001)])
        eventually(lambda: all(request in fake_jetond.answered for request in requests), "all are answered", within=20)
        assert {what for what, _ in fake_jetond.answered.values()} == {"done"}
        caught_up(fleet_database, fake_jetond)
        assert len(fake_jetond.banned) == 3000
        assert len({values["place"] for _, values in fake_jetond.answered.values()}) <= 60


def test_many_revocations_of_which_one_is_refused_share_statements(fleet_database, fake_jetond):
    other = fleet_database.join("h2", "web", issuer=True)
    for n in range(1, 201):
        put(other, digest_of(n))
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        requests = fake_jetond.offer_all([denial(n if n != 77 else 777) for n in range(1, 201)])
        answers = [answer(fake_jetond, request) for request in requests]
        assert [n for n, (what, _) in enumerate(answers, 1) if what != "done"] == [77] and answers[76][1]["code"] == "unknown"
        assert len({values["place"] for what, values in answers if what == "done"}) <= 20


# -- confirmed by all ----------------------------------------------------------------------------

def test_confirm_all_is_answered_when_each_host_has_it(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    slow = fleet_database.join("h2", "web")
    place = "select jeton.seen((select serial from jeton.place()), (select nonce from jeton.place()), '1', 0, 0, null)"
    slow.ask(place)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        request = fake_jetond.offer(denial(1, more=" confirm=all wait=10s"))
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) == "revoked", "it is in force here")
        time.sleep(0.3)
        assert request not in fake_jetond.answered
        slow.ask(place)
        what, values = answer(fake_jetond, request)
        assert (what, values["seen"], values["hosts"]) == ("done", "2", "2")


def test_host_whose_clients_believe_the_table_of_a_killed_jetond_is_not_counted_yet(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True).ask("select jeton.seen(0, null, '1', 0, 0, null)")
    fake_jetond.believed_until = until = time.monotonic() + 3
    with following(fleet_database.conninfo("h1"), fake_jetond):
        request = fake_jetond.offer(denial(1, more=" confirm=all wait=20s"))
        what, values = answer(fake_jetond, request)
        assert (what, values["seen"], values["hosts"]) == ("done", "1", "1")
        assert time.monotonic() > until


def test_confirm_all_says_how_many_when_its_time_is_over(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    slow = fleet_database.join("h2", "web")
    slow.ask("select jeton.seen((select serial from jeton.place()), (select nonce from jeton.place()), '1', 0, 0, null)")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        for wait in 1, 4, 16:       # a busy machine may need more than a second until this host has reported its place
            what, values = answer(fake_jetond, fake_jetond.offer(denial(1, more=f" confirm=all wait={wait}s")), within=wait + 10)
            if values["seen"] != "0":
                break
        assert (what, values["seen"], values["hosts"]) == ("done", "1", "2")


# -- when the database is not there ----------------------------------------------------------------

def test_without_a_database_a_create_fails_and_says_that_nothing_was_made(fleet_database, fake_jetond):
    with Agent("host=/nonexistent", fake_jetond.path, "fleet.lease=5s"):
        what, values = answer(fake_jetond, fake_jetond.offer(create(1)))
        assert (what, values["code"]) == ("failed", "unavailable") and "reached" in values["message"]


def test_connection_that_ends_before_the_answer_means_not_confirmed(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        with fleet_database.connect() as writer:
            writer.run("begin; lock table jeton.turn in exclusive mode")
            request = fake_jetond.offer(create(1))
            eventually(lambda: fleet_database.admin.ask(
                "select from pg_stat_activity where usename = 'h1' and wait_event_type = 'Lock'"), "it waits for its turn")
            fleet_database.admin.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'h1'")
            what, values = answer(fake_jetond, request)
            assert (what, values["code"]) == ("failed", "not-confirmed")
            writer.run("rollback")
        assert answer(fake_jetond, fake_jetond.offer(create(2)))[0] == "done"


def test_answer_that_could_not_be_sent_is_given_when_it_is_asked_for_again(fleet_database, fake_jetond, monkeypatch):
    """Of the agent's two connections the one that takes changes may be there before the one that answers."""
    fleet_database.join("h1", "web", issuer=True).close()
    monkeypatch.setenv("LD_PRELOAD", preload.built("failing"))
    monkeypatch.setenv("JETON_FAIL", "connect:1")
    request = fake_jetond.offer(denial(1))
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path, "fleet.lease=5s") as agent:
        assert answer(fake_jetond, request)[0] == "done"
        assert "failing: at connect 1" in agent.log() and agent.log().index(" for requests") < agent.log().index(" for changes")


def test_last_uses_go_up(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    put(issuer, digest_of(1))
    used = int(time.time()) - 5
    fake_jetond.touched = [(digest_of(1).hex(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(used)))]
    with following(fleet_database.conninfo("h1"), fake_jetond):
        eventually(lambda: fleet_database.admin.ask("select at from jeton.used") == [(used,)], "the last use")
