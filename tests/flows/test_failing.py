# SPDX-License-Identifier: Apache-2.0
"""Each allocation, descriptor, thread and mapping fails in turn: the daemon says so and ends, or
does without; it never crashes, and never says yes to what must be refused."""
import os
import re
import shutil
import time

from client import Client, Closed
from harness import Daemon, claim, eventually, same
from preload import built
from settings import PATIENCE, TORTURE
from value import value_new

CALLS = ("malloc", "open", "socket", "accept4", "mmap", "memfd_create", "eventfd", "pthread_create",
         "epoll_ctl")
NEAR_EVERY = 12         # the first so many of each, in the short round
SHORT = 5               # seconds that each short round takes, at most
GOOD_ENDS = (0, 1, 2)


class Gone(Exception):
    """The daemon does not answer, as it may when what it needs is missing."""


class Script:
    """What is asked of a daemon that something fails in: each answer may be an error."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.revoked = []       # values whose revocation was acknowledged
        self.issued = set()

    def ask(self, line, role="admin"):
        """The reply on a connection of its own, or None."""
        try:
            with Client(self.daemon.path(role), patience=2) as client:
                return client.request(line)
        except (Closed, OSError):
            return None

    def verdict(self, value):
        reply = self.ask(f"verify {value}", "verify")
        if reply is not None and reply.verdict == "OK":
            assert value in self.issued and value not in self.revoked, f"a false yes to {value}"
        return reply and reply.verdict

    def life_of_a_token(self):
        """True if all went as it does when nothing fails."""
        made = self.ask("create subject=ann scopes=a,b")
        value = made["token"] if made is not None and made.verdict == "OK" else value_new()
        if made is not None and made.verdict == "OK":
            self.issued.add(value)
        told = [self.verdict(value), self.verdict(value_new())]
        denied = self.ask(f"revoke token={value}")
        if denied is not None and denied.verdict == "OK":
            self.revoked.append(value)
        told += [self.verdict(value) for value in (value, *self.revoked[:1])]
        return told == ["OK", "NO unknown", "NO revoked", "NO revoked"]

    def play(self):
        self.life_of_a_token()
        self.ask("table", "verify")
        self.daemon.reload()
        self.ask("stats")
        self.life_of_a_token()


def start_with(library, what, directory, *settings):
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory)
    return Daemon(*settings, directory=directory, config="",
                  extra={"LD_PRELOAD": library, "JETON_FAIL": what}).spawn()


def listens_or_ends(daemon):
    """True if it listens."""
    end = time.monotonic() + 5 * PATIENCE
    while daemon.process.poll() is None:
        if os.path.exists(daemon.path("admin")) and os.path.exists(daemon.path("verify")):
            return True
        assert time.monotonic() < end, "it neither listens nor ends"
        time.sleep(0.002)
    return False


def demand_a_good_end(daemon, what):
    """With a status of its own, and not without a word."""
    daemon.signal(15)
    status = daemon.process.wait(10 * PATIENCE)
    assert status in GOOD_ENDS, f"{what}: ended with {status}\n{daemon.log()}"
    daemon.check_log()
    if status != 0:
        said = [line for line in daemon.log().splitlines()
                if line.startswith("jetond: ") and " info: " not in line]
        assert said, f"{what}: ended with {status} and not a word\n{daemon.log()}"


def fail(library, what, directory, *settings):
    """Fails this; what the library said, as {`at` or `counted`: number}."""
    daemon = start_with(library, what, directory, *settings)
    if listens_or_ends(daemon):
        script = Script(daemon)
        script.play()
        if not what.endswith("+"):
            eventually(lambda: daemon.process.poll() is not None or script.life_of_a_token(),
                       f"{what}: it goes on as before", within=5, every=0.05)
    demand_a_good_end(daemon, what)
    return {word: int(number) for word, number in
            re.findall(r"^failing: (\w+) \w+ (\d+)$", daemon.log(), re.M)}


def turns(count):
    """Which are to fail: all; in the short round the first ones, and ever fewer after them."""
    at = 1
    while at <= count:
        yield at
        at += 1 if TORTURE or at < NEAR_EVERY else 1 + at // 4


def fail_in_turn(calls, *settings):
    library, directory = built("failing"), f"{os.environ['TMPDIR']}/turn"
    end, done = time.monotonic() + (2 * TORTURE or SHORT), 0
    for call in calls:
        count = fail(library, f"{call}:0", directory, *settings)["counted"]
        assert count > 0, call
        for n in turns(count):
            for more in ("", "+"):
                if time.monotonic() > end:
                    print(f"stopped at {call}:{n} of {count}, after {done}")
                    return
                fail(library, f"{call}:{n}{more}", directory, *settings)
                done += 1
    print(f"{done} failures")


@claim(campaign=True)
def failed_allocation_neither_crashes_it_nor_lets_anybody_in():
    fail_in_turn(["malloc"], "daemon.sandbox=no")


@claim(campaign=True)
def failed_descriptor_thread_or_mapping_neither_crashes_it_nor_lets_anybody_in():
    fail_in_turn(CALLS[1:])
