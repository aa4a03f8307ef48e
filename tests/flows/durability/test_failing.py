# SPDX-License-Identifier: Apache-2.0
"""Each allocation, descriptor, thread and mapping fails in turn: the daemon logs it and ends, or
does without; it never crashes, never accepts what must be refused, and answers again."""
import collections
import concurrent.futures
import itertools
import os
import pathlib
import random
import re
import resource
import shutil
import tempfile
import time

import pytest

import proc
from client import Client, Closed
from daemon import Daemon, daemons
from preload import built
from settings import PATIENCE, TORTURE
from value import value_new
from waiting import eventually

CALLS = ("open", "socket", "accept4", "mmap", "memfd_create", "eventfd", "pthread_create",
         "epoll_ctl", "clock_gettime", "time", "fstat", "stat")
SHORT = 4               # seconds of each short round
AT_ONCE = 8 if TORTURE else 2
TRIES = 5               # of a turn in which nothing failed
GOOD_ENDS = (0, 1, 2)


class Gone(Exception):
    """The daemon does not answer, as it may when what it needs is missing."""


class Script:
    """What is asked of a daemon that something fails in: each answer may be an error."""

    def __init__(self, daemon, gives_up):
        self.daemon = daemon
        self.gives_up = gives_up    # asks no more once nobody answers
        self.silent = False
        self.revoked = []       # values whose revocation was acknowledged
        self.issued = set()

    def ask(self, line, role="admin"):
        """Return the reply on a new connection, or None."""
        if self.silent:
            return None
        try:
            with Client(self.daemon.path(role), patience=0.5 if self.gives_up else 30) as client:
                return client.request(line)
        except TimeoutError:
            assert self.gives_up, f"never answered: {line}"
            self.silent = True
            return None
        except (Closed, OSError):
            return None

    def verdict(self, value):
        reply = self.ask(f"verify {value}", "verify")
        if reply is not None and reply.verdict == "OK":
            assert value in self.issued and value not in self.revoked, f"a false yes to {value}"
        return reply and reply.verdict

    def life_of_a_token(self):
        """True if everything went as it does when nothing fails."""
        made = self.ask("create subject=ann scopes=a,b")
        value = made["token"] if made is not None and made.verdict == "OK" else value_new()
        if made is not None and made.verdict == "OK":
            self.issued.add(value)
        answers = [self.verdict(value), self.verdict(value_new())]
        denied = self.ask(f"revoke token={value}")
        if denied is not None and denied.verdict == "OK":
            self.revoked.append(value)
        answers += [self.verdict(value) for value in (value, *self.revoked[:1])]
        return answers == ["OK", "NO unknown", "NO revoked", "NO revoked"]

    def play(self):
        self.life_of_a_token()
        self.ask("table", "verify")
        self.ask("backup")
        self.daemon.reload()
        self.ask("stats")
        self.life_of_a_token()


def start_with(library, what, directory, *settings):
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory)
    return Daemon(*settings, directory=directory, config="",
                  extra={"LD_PRELOAD": library, "JETON_FAIL": what}).spawn()


def listens_or_ends(daemon):
    """True if the daemon listens; it may end instead."""
    end = time.monotonic() + 30 * PATIENCE
    while daemon.process.poll() is None:
        if os.path.exists(daemon.path("admin")) and os.path.exists(daemon.path("verify")):
            return True
        assert time.monotonic() < end, "it neither listens nor ends"
        time.sleep(0.002)
    return False


def demand_a_good_end(daemon, what):
    """Demand that the daemon ends with a status of its own, and with a message."""
    daemon.signal(15)
    status = daemon.process.wait(30 * PATIENCE)
    assert status in GOOD_ENDS, f"{what}: ended with {status}\n{daemon.log()}"
    daemon.check_log()
    if status != 0:
        reasons = [line for line in daemon.log().splitlines()
                if re.match("jetond: (?!info|warning)", line)]
        assert reasons, f"{what}: ended with {status} and not a word\n{daemon.log()}"


def fail(library, what, directory, *settings):
    """Let this call fail; return what the library printed, as {`at` or `counted`: number}."""
    daemon = start_with(library, what, directory, *settings)
    if listens_or_ends(daemon):
        script = Script(daemon, what.endswith("+"))
        script.play()
        if not what.endswith("+"):
            eventually(lambda: daemon.process.poll() is not None or script.life_of_a_token(),
                       f"{what}: it goes on as before", every=0.01)
    demand_a_good_end(daemon, what)
    daemons.remove(daemon)                  # nothing to report of it
    return {word: int(number) for word, number in
            re.findall(r"^failing: (\w+) \w+ (\d+)$", daemon.log(), re.M)}


class Campaign:
    """Turns of all kinds, several at a time, as the slow ones only wait.  A turn is done once what
    was to fail has failed: how many calls there are differs a little from one run to the next."""

    def __init__(self, calls, *settings):
        self.library, self.settings = built("failing"), settings
        self.waiting = self.in_order(calls)
        self.all = len(self.waiting)
        self.tries = collections.Counter()
        self.done, self.missed, self.broken = [], [], False
        self.end = time.monotonic() + (TORTURE or SHORT)

    def fail(self, what, runner):
        return fail(self.library, what, f"{tempfile.gettempdir()}/runner{runner}", *self.settings)

    def turns_of(self, kind):
        """Return the turns in any order.  The calls are counted in the same play in which they fail."""
        call, more = kind
        count = self.fail(f"{call}:0{more}", 0)["counted"]
        assert count > 0, kind
        return [f"{call}:{n}{more}" for n in random.sample(range(1, count + 1), count)]

    def in_order(self, calls):
        """Return one turn of each kind, then the next of each, so that a short campaign has all kinds."""
        kinds = [(call, more) for call in calls for more in ("", "+")]
        random.shuffle(kinds)
        by_kind = itertools.zip_longest(*map(self.turns_of, kinds))
        return collections.deque(turn for row in by_kind for turn in row if turn is not None)

    def take_turns(self, runner):
        """Take turns in a thread of its own; append() and popleft() are atomic.  On a machine that is slow, go on until
        something has failed."""
        while not self.broken and (time.monotonic() < self.end or not self.done):
            try:
                turn = self.waiting.popleft()
            except IndexError:
                return
            self.take(turn, runner)

    def take(self, turn, runner):
        counts = self.fail(turn, runner)
        self.tries[turn] += 1
        if "at" in counts:
            self.done.append(turn)
        elif self.tries[turn] < TRIES:
            self.waiting.append(turn)
        else:
            self.missed.append(turn)

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            runners = [pool.submit(self.take_turns, runner) for runner in range(AT_ONCE)]
            for runner in concurrent.futures.as_completed(runners):
                if runner.exception() is not None:
                    self.broken = True      # the others finish their turn
        for runner in runners:
            runner.result()
        assert self.done, "nothing has failed that was to fail"
        print(f"{len(self.done)} of {self.all}")
        if self.missed:
            print(f"not come to in {TRIES} tries each:", *sorted(self.missed))


@pytest.mark.campaign
def test_failed_allocation_neither_crashes_it_nor_lets_anybody_in():
    """Switch the filter of system calls off: libseccomp (2.5.4) frees twice what it could not finish, so a
    daemon that lacks memory for it is ended by a signal, before it answers anybody."""
    Campaign(["malloc"], "daemon.sandbox=no").run()


@pytest.mark.campaign
def test_failed_descriptor_thread_or_mapping_neither_crashes_it_nor_lets_anybody_in():
    Campaign(CALLS).run()


def ready_or_ends(daemon):
    """True if the daemon has opened all that it needs; it may end instead."""
    eventually(lambda: "info: ready" in daemon.log() or daemon.process.poll() is not None,
               "it is ready, or ends")
    return daemon.process.poll() is None


def served_though_waiting_fails(library, number):
    """Check that clients are served although waiting fails: waiting for new connections, which is resumed once
    there are descriptors, or for requests on one of them."""
    what = f"epoll_ctl:{number}"
    daemon = start_with(library, what, f"{tempfile.gettempdir()}/{number}", "daemon.workers=1")
    if not ready_or_ends(daemon):
        return
    most = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    none_left = proc.descriptors(daemon.pid), most[1]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, none_left if none_left[0] > 0 else most)
    with daemon.client("verify") as one, daemon.client() as admin:
        one.send("ping")
        assert admin.request("ping").verdict == "OK", f"{what}: the administrator"
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, most)
        assert one.reply().verdict == "OK", f"{what}: one who came while no descriptor was left"
    eventually(lambda: daemon.stats()["connections"] == "1", f"{what}: all are gone", every=0.05)
    demand_a_good_end(daemon, what)


def test_connection_is_served_though_waiting_for_it_failed_once():
    library = built("failing")
    daemon = start_with(library, "epoll_ctl:0", f"{tempfile.gettempdir()}/0", "daemon.workers=1")
    assert ready_or_ends(daemon)
    demand_a_good_end(daemon, "epoll_ctl:0")
    own = int(re.search(r"counted epoll_ctl (\d+)", daemon.log())[1])
    numbers = range(1, own + 6)
    with concurrent.futures.ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(served_though_waiting_fails, [library] * len(numbers), numbers))


def test_daemon_without_a_clock_logs_it_and_ends():
    library = built("failing")
    for call in "clock_gettime", "time":
        daemon = start_with(library, f"{call}:1+", f"{tempfile.gettempdir()}/{call}")
        assert daemon.process.wait(30 * PATIENCE) == 1, call
        assert "the clock cannot be read" in daemon.log(), daemon.log()


def test_daemon_that_loses_its_clock_ends_before_it_lets_an_expired_token_pass():
    """Let each reading of the clock fail from the first, second, ... one on, as a filter that is set later does."""
    library, answers = built("failing"), {}
    d = Daemon(config="").start()
    value = d.create(ttl="1s")["token"]
    eventually(lambda: d.verify(value) == "NO expired", "it expires")
    d.stop()
    for number in 1, 2, 3, 4, 1000:
        for role in "admin", "verify":                      # what did not end in order left them
            pathlib.Path(d.path(role)).unlink(missing_ok=True)
        daemon = Daemon(directory=d.directory, config="",
                        extra={"LD_PRELOAD": library, "JETON_FAIL": f"time:{number}+"}).spawn()
        reply = Script(daemon, number < 1000).ask(f"verify {value}", "verify") if listens_or_ends(daemon) else None
        answers[number] = reply and reply.verdict
        demand_a_good_end(daemon, f"time:{number}+")
    assert (answers.pop(1000), answers[1]) == ("NO expired", None)
    assert set(answers.values()) <= {"NO expired", None}, answers
