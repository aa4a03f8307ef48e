# SPDX-License-Identifier: Apache-2.0
"""The time of day jumps by hours, or the daemon is stopped in the middle of its work: what was
denied stays denied, what is good is refused at most, and all goes on afterwards."""
import os
import struct
import subprocess
import sys
import tempfile
import time

import pytest

import proc
from campaign import rounds
from client import Client
from library import library
from preload import built
from settings import SUPPORT
from timestamp import unix_time
from waiting import eventually

HOUR = 3600
LEASE, DEADLINE = 5, 1


class Clock:
    """The offset of the daemon's time of day, and of whatever else is started with its environment."""

    def __init__(self):
        self.path = f"{tempfile.gettempdir()}/offset"
        self.environment = {"LD_PRELOAD": built("clock"), "JETON_CLOCK": self.path}
        self.step(0)

    def step(self, seconds):
        """Write the offset in place, as the file is mapped."""
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=q", seconds))
        self.offset = seconds


def by_library(clock, daemon, value):
    """Return what libjeton answers in a process whose clock is off, too: the verdict and who gave it."""
    program = ("import sys; from library import Handle; "
               "print(*Handle(sys.argv[1]).verify(sys.argv[2]), sep=', ')")
    done = subprocess.run([sys.executable, "-c", program, daemon.path("verify"), value], text=True,
                          capture_output=True, timeout=20,
                          env=os.environ | clock.environment | {"PYTHONPATH": SUPPORT})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def verdicts(clock, daemon, tokens):
    """Return the verdicts on these values, which the socket and libjeton must agree on."""
    found = []
    for token in tokens:
        verdict = daemon.ask(f"verify {token['token']}", "verify").verdict
        assert by_library(clock, daemon, token["token"]) == f"{verdict}, table"
        found.append(verdict)
    return found


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
    d = daemon(extra=clock.environment)
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
        assert (judged, by_library(clock, d, token["token"])) == ("OK, table", "OK, table")
        assert d.done(f"revoke {made['id']}").verdict == "OK"
    serials = [int(line["serial"]) for line in d.done("journal").lines]
    assert serials == list(range(1, len(serials) + 1)), "the journal's order is not the clock's"


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
    for _ in rounds():
        good, denied, late = d.create(), d.create(), d.create()
        d.done(f"revoke {denied['id']}")
        for token in good, denied, late:
            d.verify(token["token"])
        with Client(d.path()) as admin:
            admin.request("ping")
            began = time.monotonic()
            with d.stopped():
                admin.send(f"revoke {late['id']}")
                found = answers_while_stopped(d.handles[None], [good["token"], denied["token"]],
                                              LEASE + DEADLINE + 1.5)
                assert admin.silent(), "nobody has acknowledged it"
            assert admin.reply().verdict == "OK"
        demand_of_stopped(found, began, good["token"], denied["token"])
        assert d.verify(late["token"]) == "NO revoked"
        eventually(lambda: d.handles[None].verify(good["token"]) == ("OK", "table"),
                   "the table answers again")


def demand_of_stopped(found, stopped, good, denied):
    for value, verdict in (good, "OK"), (denied, "NO revoked"):
        assert {v for _, _, v in found[value]} == {verdict, "ERR unavailable"}
        slowest = max(took for _, took, _ in found[value])
        assert slowest < DEADLINE + 0.5, f"{slowest} s for one verification"
        assert ([v for began, _, v in found[value] if began > stopped + LEASE + 0.1 and v == verdict] ==
                []), "after the lease"
