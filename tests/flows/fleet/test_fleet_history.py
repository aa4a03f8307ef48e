# SPDX-License-Identifier: Apache-2.0
"""Clients of three hosts create, revoke and verify, under kills and partitions: no OK begins after a revocation's acknowledgement, the
lease and what clocks may differ; in the end every acknowledged revocation is refused everywhere."""
import contextlib
import random
import signal
import threading
import time

import pytest

from campaign import rounds
from client import Client, Closed
from fleet_history import History, Told, facts, faults
from fleet_host import BOUND, GROUP, LEASE
from fleet_hosts import Hosts
from settings import PATIENCE, TORTURE
from waiting import eventually

NAMES = ("h1", "h2", "h3")
SECONDS = 7
GONE = (OSError, Closed, ValueError, TimeoutError)


# -- the checker finds what is planted ---------------------------------------------------------------

def planted(*told):
    return faults([Told("create", "h1", "t", 0, 1, "OK"), *told], LEASE, BOUND)


def test_checker_finds_an_ok_after_acknowledgement_lease_and_bound_and_nothing_earlier():
    revoked = Told("revoke", "h1", "t", 10, 11, "OK")
    assert not planted(revoked, Told("verify", "h2", "t", 11 + LEASE, 17, "OK"))
    assert planted(revoked, Told("verify", "h2", "t", 11.1 + LEASE + BOUND, 17, "OK"))
    assert planted(revoked, Told("verify", "h1", "t", 11.1, 12, "OK"))
    unanswered = Told("revoke", "h1", "t", 10, 11, None)
    assert not planted(unanswered, Told("verify", "h1", "t", 30, 31, "OK"))
    assert planted(unanswered._replace(answer="ERR unavailable"), Told("verify", "h1", "t", 30, 31, "OK"))


def test_checker_finds_unknown_after_a_creation_and_revoked_before_a_revocation():
    assert not planted(Told("verify", "h2", "t", 1.5, 2, "NO unknown"))
    assert planted(Told("verify", "h1", "t", 1.5, 2, "NO unknown"))
    assert planted(Told("verify", "h2", "t", 1.1 + LEASE + BOUND, 8, "NO unknown"))
    assert planted(Told("verify", "h2", "t", 2, 3, "NO revoked"), Told("revoke", "h1", "t", 4, 5, "OK"))


# -- clients -----------------------------------------------------------------------------------------

class Asker:
    """Asks a host over a connection that is made again whenever it ends."""

    def __init__(self, host, role, patience):
        self.path, self.patience, self.client = host.path(role), patience, None

    def ask(self, line):
        """Return the reply; None: the connection ended first, and what was asked has happened or not."""
        try:
            if self.client is None:
                self.client = Client(self.path, patience=self.patience)
            return self.client.request(line)
        except GONE:
            self.client = None
            return None


class Stage:
    """The tokens that are there, and the threads that ask."""

    def __init__(self, hosts):
        self.hosts, self.history = hosts, History()
        self.tokens, self.over, self.failed = [], threading.Event(), []

    def run(self, act, *arguments):
        def body():
            try:
                while not self.over.is_set():
                    act(*arguments)
            except BaseException as error:
                self.failed.append(error)
                raise
        thread = threading.Thread(target=body)
        thread.start()
        return thread

    def change(self, name, asker):
        """Create or revoke a token on a host."""
        create = len(self.tokens) < 5 or random.random() < 0.6
        token = None if create else random.choice(self.tokens)
        began = time.monotonic()
        reply = asker.ask(f"create group={GROUP}" if create else f"revoke token={token}")
        ended = time.monotonic()
        if create and reply is not None and reply.verdict == "OK":
            token = reply["token"]
            self.tokens.append(token)
        if token is not None:
            self.history.add("create" if create else "revoke", name, token, began, ended, reply and reply.verdict)
        time.sleep(random.uniform(0, 0.03))

    def verify(self, name, asker):
        """Ask for one of the tokens, the newest more often."""
        if not self.tokens:
            time.sleep(0.01)
            return
        token = random.choice(self.tokens[-20:] if random.random() < 0.5 else self.tokens)
        began = time.monotonic()
        reply = asker.ask(f"verify {token}")
        if reply is not None:
            self.history.add("verify", name, token, began, time.monotonic(), reply.verdict)
        time.sleep(0.001)

    def begin(self):
        return [self.run(act, name, Asker(self.hosts[name], role, 6)) for name in NAMES
                for act, role in ((self.change, "admin"), (self.change, "admin"), (self.verify, "verify"))]


# -- what happens meanwhile --------------------------------------------------------------------------

def partition(host, link, fleet):
    link.stopped.clear()


def kill_agent(host, link, fleet):
    host.kill_agent()
    time.sleep(random.uniform(0, 0.3))
    host.agent_of_new_boot()


def kill_jetond(host, link, fleet):
    host.kill_unseen()
    host.start()


def hang_agent(host, link, fleet):
    host.agent.process.send_signal(signal.SIGSTOP)
    time.sleep(random.uniform(0.1, 1))
    host.agent.process.send_signal(signal.SIGCONT)


def cut_connections(host, link, fleet):
    link.cut()


def end_sessions(host, link, fleet):
    fleet.admin.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = any ($1)", NAMES)


ACCIDENTS = (partition, kill_agent, kill_jetond, hang_agent, cut_connections, end_sessions)


def disturb(by_name, hosts, fleet, seconds):
    """One partition for longer than a lease; meanwhile, accidents of all kinds to the others, and the end of old partitions."""
    until = time.monotonic() + seconds
    lonely = random.choice(NAMES)
    hosts.link[lonely].stopped.clear()
    happened = []
    while time.monotonic() < until:
        name = random.choice([name for name in NAMES if name != lonely])
        accident = random.choice(ACCIDENTS)
        accident(by_name[name], hosts.link[name], fleet)
        happened.append(accident.__name__)
        time.sleep(random.uniform(0.1, 0.7))
        hosts.link[name].stopped.set()
    return happened


def verdicts(by_name, token):
    return {host.verdict(token) for host in by_name.values()}


def check_end(by_name, told):
    """Every host says the same of each token, and what was acknowledged."""
    for token, known in facts(told).items():
        wanted = {"NO revoked"} if known.is_revoked or known.answered else {"OK"} if known.is_untouched else None
        found = verdicts(by_name, token)
        assert len(found) == 1 and (wanted is None or found == wanted), f"{found}, not {wanted}: {[one for one in told if one.token == token]}"


@pytest.mark.campaign
@pytest.mark.slow
def test_no_yes_begins_after_an_acknowledged_revocation_and_a_lease_under_kills_and_partitions(fleet_database):
    with Hosts(fleet_database) as hosts:
        by_name = {name: hosts.start(name, issuer=True) for name in NAMES}
        for host in by_name.values():
            host.has_lease()
        for _ in rounds():
            stage = Stage(by_name)
            threads = stage.begin()
            happened = disturb(by_name, hosts, fleet_database, SECONDS)
            for link in hosts.link.values():
                link.stopped.set()
            stage.over.set()
            for thread in threads:
                thread.join()
            assert not stage.failed
            told = stage.history.told
            print(", ".join(happened), dict(stage.history.count()))
            assert faults(told, LEASE, BOUND * PATIENCE) == []
            for host in by_name.values():
                host.clients.clear()
                host.has_lease()
            settled(by_name, fleet_database)
            check_end(by_name, told)
            if not TORTURE:
                count = stage.history.count()
                assert count["verify", "OK"] and count["verify", "NO revoked"] and count["revoke", "OK"] and count["create", "OK"]


def settled(by_name, fleet):
    """Wait until no denial waits on a host, and all have what the database has."""
    eventually(lambda: all(host.stats()["fleet_unsent"] == "0" for host in by_name.values()), "all denials have gone up", 30)
    newest = fleet.admin.value("select max(serial) from jeton.change")
    for host in by_name.values():
        with contextlib.suppress(KeyError):
            host.has(newest)
        host.has_lease()        # what was left of an earlier one may have ended meanwhile
