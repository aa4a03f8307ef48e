# SPDX-License-Identifier: Apache-2.0
"""Hosts that lose the database, each in its way: they refuse when their lease is over, by the clock, or go on as they were told."""
import signal
import time

import pytest

from fleet_host import BOUND, CUT_OFF, LEASE
from fleet_hosts import Hosts, all_have
from settings import PATIENCE
from value import value_new
from waiting import eventually

UNKNOWN = value_new()


@pytest.fixture
def hosts(fleet_database):
    with Hosts(fleet_database) as found:
        yield found


class Watched:
    """A host that is asked about tokens, again and again; what it answered last, and when it was last asked for what it took."""

    def __init__(self, host, values):
        self.host, self.values = host, values
        self.last_yes, self.last_no = 0.0, 0.0
        self.seen = {}

    def ask(self):
        for name, value in self.values.items():
            began = time.monotonic()
            self.seen[name] = self.host.verdict(value)
            if name == "active" and self.seen[name] == "OK":
                self.last_yes = began
            if name == "unknown" and self.seen[name] == "NO unknown":
                self.last_no = began

    def is_cut_off(self):
        return self.seen["active"] == CUT_OFF and self.seen["unknown"] == CUT_OFF


def watch(watched, seconds):
    """Ask all of them for so long, and each of them once more after it."""
    until, over = time.monotonic() + seconds, False
    while not over:
        over = time.monotonic() >= until
        for one in watched:
            one.ask()
        time.sleep(0.02)


def cut(hosts, by_name):
    """What may happen to a host, or to what is between it and the database."""
    hosts.link["silent"].stopped.clear()            # packets are dropped
    hosts.link["keeps"].stopped.clear()
    hosts.link["rebooted"].stopped.clear()
    hosts.link["half_open"].abandon()               # the server is gone, and its connections are not
    by_name["killed"].agent.kill()
    by_name["hung"].agent.process.send_signal(signal.SIGSTOP)
    by_name["rebooted"].kill_agent()
    by_name["rebooted"].kill()
    by_name["rebooted"].start()
    by_name["rebooted"].agent_of_new_boot()


def heal(hosts, by_name):
    for name in "silent", "keeps", "rebooted":
        hosts.link[name].stopped.set()
    hosts.link["half_open"].restore()
    by_name["hung"].agent.process.send_signal(signal.SIGCONT)
    by_name["killed"].begin_agent()


def prepared(hosts):
    """Start the hosts; return them by name, and the tokens that all of them have."""
    by_name = {name: hosts.start(name, tcp=name == "half_open") for name in ("silent", "half_open", "killed", "hung", "rebooted")}
    by_name["keeps"] = hosts.start("keeps", "fleet.stale=keep 1h")
    by_name["near"] = hosts.start("near", issuer=True)
    near = by_name["near"].has_lease()
    tokens = {"active": near.create(subject="a"), "revoked": near.create(subject="r"), "later": near.create(subject="l"), "unknown": UNKNOWN}
    reply, _ = near.revoke(tokens["revoked"])
    assert reply.verdict == "OK", reply
    for host in by_name.values():
        host.has_lease()
    all_have(by_name.values(), int(reply["place"].partition(":")[0]))
    return by_name, tokens


def test_hosts_that_are_cut_off_refuse_when_their_lease_is_over_and_one_that_may_goes_on(hosts):
    by_name, tokens = prepared(hosts)
    near = by_name["near"]
    watched = {name: Watched(host, tokens | {"local": host.done("create")["token"]}) for name, host in by_name.items()}
    cut(hosts, by_name)
    reply, acknowledged = near.revoke(tokens["active"])
    assert reply.verdict == "OK", reply
    watch(watched.values(), LEASE + BOUND * PATIENCE)
    for name, one in watched.items():
        print(f"{name}: last yes {one.last_yes - acknowledged:.1f} s after the acknowledgement, {one.seen}")
        assert one.seen["revoked"] == "NO revoked" and one.seen["local"] == "OK"
        if name not in ("near", "keeps"):
            assert max(one.last_yes, one.last_no) < acknowledged + LEASE + BOUND * PATIENCE
            assert one.is_cut_off() and one.seen["later"] == CUT_OFF
    assert watched["near"].seen["active"] == "NO revoked" and watched["near"].seen["later"] == "OK"
    assert watched["near"].seen["unknown"] == "NO unknown" and watched["near"].last_yes < acknowledged
    assert watched["keeps"].seen["active"] == "OK" and watched["keeps"].seen["later"] == "OK"
    assert watched["keeps"].seen["unknown"] == CUT_OFF
    heal(hosts, by_name)
    for name, host in by_name.items():
        eventually(lambda host=host: host.verdict(tokens["active"]) == "NO revoked", f"{name} has what it missed", 20)
        eventually(lambda host=host: host.verdict(tokens["later"]) == "OK" and host.verdict(UNKNOWN) == "NO unknown", f"{name} has a lease", 20)
        assert host.verify(tokens["active"]) == "NO revoked" and host.verify(tokens["later"]) == "OK"


def test_jetond_that_starts_while_the_database_is_away_gets_what_is_left_of_its_lease_and_no_more(hosts):
    """So a restart needs no network; what the host did not know before is no better known then."""
    length = 60
    host = hosts.start("h1", f"fleet.lease={length}s", issuer=True).has_lease()
    value, revoked = host.create(), host.create()
    assert host.revoke(revoked)[0].verdict == "OK"
    hosts.link["h1"].stopped.clear()
    cut = time.monotonic()
    host.restart()
    eventually(lambda: host.verdict(value) == "OK", "what is left of the lease", length)
    assert host.verdict(revoked) == "NO revoked" and host.verdict(UNKNOWN) == "NO unknown"
    asked = time.monotonic()
    assert asked + host.lease < cut + length
