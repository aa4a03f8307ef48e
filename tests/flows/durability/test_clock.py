# SPDX-License-Identifier: Apache-2.0
"""The time of day jumps by hours, or the daemon is stopped in the middle of its work: what was
denied stays denied, what is good is refused at most, and all goes on afterwards."""
import os
import re
import subprocess
import sys
import tempfile
import time

import pytest

import proc
from campaign import rounds
from client import Client
from clock import Clock
from daemon import Daemon
from library import Handle, library
from settings import BUILD, SUPPORT
from timestamp import unix_time
from value import id_of, value_new
from waiting import eventually

HOUR = 3600
LEASE, DEADLINE = 5, 1


def by_library(clock, daemon, *values):
    """Return what libjeton answers to each in a process whose clock is off, too: the verdict and who gave it."""
    program = ("import sys; from library import Handle; h = Handle(sys.argv[1], timeout=20)\n"
               "for value in sys.argv[2:]: print(*h.verify(value), sep=', ')")
    done = subprocess.run([sys.executable, "-c", program, daemon.path("verify"), *values], text=True,
                          capture_output=True, timeout=40,
                          env=os.environ | clock.environment | {"PYTHONPATH": SUPPORT})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def verdicts(clock, daemon, tokens):
    """Return the verdicts on these values, which the socket and libjeton must agree on."""
    by_socket, by_table = both(clock, daemon, tokens)
    assert by_table == [f"{verdict}, table" for verdict in by_socket]
    return by_socket


def both(clock, daemon, tokens):
    return ([daemon.ask(f"verify {token['token']}", "verify").verdict for token in tokens],
            by_library(clock, daemon, *[token["token"] for token in tokens]))


def become(clock, daemon, tokens, wanted, why):
    """Wait for these verdicts, which libjeton gives a second later at most."""
    eventually(lambda: both(clock, daemon, tokens) == (wanted, [f"{verdict}, table" for verdict in wanted]), why)


@pytest.mark.campaign
def test_clock_that_steps_two_hours_judges_by_the_new_time_and_forgets_no_denial(daemon):
    clock = Clock()
    d = daemon(extra=clock.environment)
    for _ in rounds():
        clock.step(0)
        tokens = [d.create(), d.create(ttl="1h"), d.create(delay="1h"), d.create(), d.create()]
        d.done(f"revoke {tokens[3]['id']}")
        d.done(f"disable {tokens[4]['id']}")
        denied = ["NO revoked", "NO disabled"]
        assert verdicts(clock, d, tokens) == ["OK", "OK", "NO pending", *denied]
        clock.step(2 * HOUR)
        assert verdicts(clock, d, tokens) == ["OK", "NO expired", "OK", *denied]
        clock.step(-2 * HOUR)
        assert verdicts(clock, d, tokens) == ["OK", "OK", "NO pending", *denied]
        d.restart()
        assert verdicts(clock, d, tokens) == ["OK", "OK", "NO pending", *denied]


def test_clock_that_steps_keeps_the_daemon_at_work_and_its_lease_renewed(daemon):
    clock = Clock()
    d = daemon("daemon.trust_clock=yes", extra=clock.environment)
    token = d.create()
    for hours in 2, -2, 0:
        clock.step(hours * HOUR)
        made = d.create(ttl="1h")
        off = unix_time(made["created"]) - time.time()
        assert abs(off - hours * HOUR) < 60, off
        before, began = proc.cpu(d.pid), time.monotonic()
        judged = by_library(clock, d, token["token"])
        eventually(lambda: time.monotonic() > began + 1.5, "two ticks of a second are over")
        assert proc.cpu(d.pid) - before < 0.5, "it does not spin"
        assert judged + by_library(clock, d, token["token"]) == ["OK, table"] * 2
        assert d.done(f"revoke {made['id']}").verdict == "OK"
    serials = [int(line["serial"]) for line in d.done("journal").lines]
    assert serials == list(range(1, len(serials) + 1)), "the journal's order is not the clock's"


DAYS, YEARS = 24 * HOUR, 365 * 24 * HOUR


def test_expired_token_stays_so_when_the_clock_starts_years_behind(daemon):
    clock = Clock()
    d = daemon(extra=clock.environment)
    expired, later, good = d.create(ttl="1s"), d.create(ttl="1d"), d.create()
    eventually(lambda: d.verify(expired["token"]) == "NO expired", "it expires")
    pending = d.create(delay="1h")
    d.stop()
    clock.step(-12 * YEARS)
    d.start()
    wanted = ["NO expired", "OK", "OK", "NO pending"]
    tokens = [expired, later, good, pending]
    assert verdicts(clock, d, tokens) == wanted
    eventually(lambda: re.search("clock: it is .* s behind the journal", d.log()), "it is logged")
    eventually(lambda: int(d.stats()["clock_behind_seconds"]) > 11 * YEARS, "it is counted")
    assert d.stats()["purge_waits"] == "1"
    made = d.create(ttl="1h")
    assert abs(unix_time(made["created"]) - time.time()) < 60, "entries do not go back either"
    clock.synchronise()
    become(clock, d, tokens, ["OK", "OK", "OK", "NO pending"], "a synchronised clock is believed")
    clock.synchronise(False)
    become(clock, d, tokens, wanted, "only as long as it is")
    clock.step(2 * DAYS)
    become(clock, d, tokens, ["NO expired", "NO expired", "OK", "OK"], "a clock that is ahead is believed")
    eventually(lambda: d.stats()["clock_behind_seconds"] == "0", "it is not behind any more")


def test_start_with_the_clock_years_ahead_purges_nothing():
    clock = Clock()
    with Daemon("daemon.retention=1s", extra=clock.environment) as d:
        tokens = [d.create(ttl="30d"), d.create(), d.create()]
        d.done(f"revoke {tokens[2]['id']}")
        d.stop()
        clock.step(12 * YEARS)
        d.start()
        eventually(lambda: "days ahead of the journal" in d.log(), "it is logged")
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + 2.5, "two looks of a second are over")
        assert int(d.stats()["clock_ahead_seconds"]) > 11 * YEARS
        assert d.stats()["purge_waits"] == "1"
        assert verdicts(clock, d, tokens) == ["NO expired", "OK", "NO revoked"]
        d.stop()
        clock.step(0)
        d.start()
        assert verdicts(clock, d, tokens) == ["OK", "OK", "NO revoked"]
        assert [entry["event"] for entry in d.done("journal").lines] == ["create"] * 3 + ["revoke"]


def test_what_is_denied_while_the_clock_is_years_ahead_stays_denied_when_it_is_right():
    clock = Clock()
    passes = f"{BUILD}/tests/verifiers/odd.so does=name subject=mallory issuer=https://idp.example"
    with Daemon(config=f"[service x]\nsufficient = local\nsufficient = {passes}\n", extra=clock.environment) as d:
        deleted, banned = value_new(), value_new()
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + HOUR))
        d.done(f"import token={deleted} expires={end}")
        d.stop()
        clock.step(12 * YEARS)
        d.start()
        d.done(f"delete {id_of(deleted)}")
        d.done(f"ban token={banned} expires={end}")
        for right in False, True:
            assert [d.verify(value, service="x") for value in (deleted, banned)] == ["NO revoked"] * 2, right
            d.stop()
            clock.step(0)
            clock.synchronise()
            d.start()


def test_time_that_was_relied_on_counts_after_a_restart_with_another_clock():
    clock = Clock()
    with Daemon(config="[daemon]\ntrust_clock = yes\n", extra=clock.environment) as d:
        token = d.create(ttl="1d")
        d.stop()
        clock.step(2 * DAYS)
        d.start()
        eventually(lambda: d.stats()["purge_waits"] == "0", "the clock is relied on, and noted")
        d.stop()
        d.configure("[daemon]\n")
        clock.step(0)
        d.start()
        assert verdicts(clock, d, [token]) == ["NO expired"], "though no entry is of that time"
        assert int(d.stats()["clock_behind_seconds"]) > DAYS


def test_clock_years_ahead_is_believed_if_the_operator_trusts_it():
    clock = Clock()
    with Daemon(config="[daemon]\nretention = 1s\n", extra=clock.environment) as d:
        token = d.create(ttl="30d")
        d.stop()
        clock.step(12 * YEARS)
        d.start()
        assert len(d.list()) == 1
        d.configure("[daemon]\nretention = 1s\ntrust_clock = yes\n")
        d.reload()
        eventually(lambda: d.list() == [], "it is purged")
        assert d.verify(token["token"]) == "NO unknown"


def answers_while_stopped(handle, values, seconds):
    """What libjeton answers to each, again and again: {value: [(began, took, verdict)]}."""
    found = {value: [] for value in values}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for value in values:
            began = time.monotonic()
            verdict, _ = handle.verify(value)
            found[value].append((began, time.monotonic() - began, verdict))
        time.sleep(0.01)
    return found


@pytest.mark.campaign
def test_stopped_daemon_is_believed_for_its_lease_and_lets_no_denied_token_in(daemon):
    if library() is None:
        pytest.skip("needs libjeton in this process")
    d = daemon()
    handle = Handle(d.path("verify"))
    for _ in rounds():
        good, denied, late = d.create(), d.create(), d.create()
        d.done(f"revoke {denied['id']}")
        eventually(lambda: [handle.verify(token["token"]) for token in (good, denied, late)] ==
                   [("OK", "table"), ("NO revoked", "table"), ("OK", "table")], "the table answers")
        with Client(d.path()) as admin:
            admin.request("ping")
            with d.stopped():
                began = time.monotonic()
                admin.send(f"revoke {late['id']}")
                found = answers_while_stopped(handle, [good["token"], denied["token"]],
                                              LEASE + DEADLINE + 1.5)
                assert admin.silent(), "nobody has acknowledged it"
            assert admin.reply().verdict == "OK"
        demand_of_stopped(found, began, good["token"], denied["token"])
        assert d.verify(late["token"]) == "NO revoked"
        eventually(lambda: handle.verify(good["token"]) == ("OK", "table"), "the table answers again")
    handle.close()


def demand_of_stopped(found, stopped, good, denied):
    for value, verdict in (good, "OK"), (denied, "NO revoked"):
        assert {v for _, _, v in found[value]} == {verdict, "ERR unavailable"}
        slowest = max(took for _, took, _ in found[value])
        assert slowest < DEADLINE + LEASE, f"{slowest} s for one verification, though nobody answered for longer"
        assert ([v for began, _, v in found[value] if began > stopped + LEASE + 0.1 and v == verdict] ==
                []), "after the lease"
