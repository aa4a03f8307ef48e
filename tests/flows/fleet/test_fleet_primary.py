# SPDX-License-Identifier: Apache-2.0
"""A primary that its standbys do not hear, and what takes its place: nothing is confirmed that a failover loses, and leases lapse."""
import contextlib
import time

import pytest

from campaign import rounds
from fleet_host import BOUND, CUT_OFF, LEASE
from fleet_hosts import Hosts, states, states_in
from fleet_postgres import FleetDatabase
from postgres import Cluster, need_postgresql
from settings import PATIENCE
from waiting import eventually


class Pair:
    """A primary, a standby, and hosts that know both."""

    def __init__(self, stack, synchronous):
        self.primary = stack.enter_context(Cluster())
        self.fleet = stack.enter_context(FleetDatabase(self.primary))
        self.standby = self.primary.standby(synchronous=synchronous)
        self.hosts = stack.enter_context(Hosts(self.fleet))

    def start(self, name, **more):
        both = self.fleet.conninfo(name, host=f"{self.primary.directory},{self.standby.directory}", port="5432,5432",
                                   target_session_attrs="read-write")
        return self.hosts.start_with(name, both, **more)

    def fail_over(self):
        """The primary is gone, with what the standby did not receive; the standby leads."""
        self.primary.kill()
        self.standby.promote()
        self.fleet.cluster = self.standby
        with self.standby.connect("postgres") as session:
            eventually(lambda: not session.value("select pg_is_in_recovery()"), "the standby leads")
        return self.standby.connect(self.fleet.name)


@pytest.fixture(autouse=True)
def postgresql():
    need_postgresql()


def pairs(synchronous):
    """One for each round."""
    for _ in rounds():
        with contextlib.ExitStack() as stack:
            yield Pair(stack, synchronous)


@pytest.mark.campaign
def test_primary_without_its_standby_confirms_nothing_and_its_hosts_leases_lapse():
    """Then the standby takes over: what was not confirmed is not there, is made again by who asked for it, and is refused everywhere."""
    for both in pairs(synchronous=True):
        lose_the_standby(both)


def lose_the_standby(both):
    issuer, other = both.start("h1", issuer=True), both.start("h2")
    issuer.has_lease(), other.has_lease()
    kept, denied = issuer.create(subject="kept"), issuer.create(subject="denied")
    other.has(issuer.created)
    both.standby.cut_off()
    began = time.monotonic()
    reply, _ = issuer.revoke(denied, " confirm=all wait=1s")
    print(reply)
    assert reply.verdict != "OK", "confirmed, and no standby has it"
    assert issuer.verdict(denied) == "NO revoked", "a denial is in force where it was asked for, whatever comes"
    for host in issuer, other:
        eventually(lambda host=host: host.verdict(kept) == CUT_OFF, "the lease lapses", LEASE + BOUND * PATIENCE)
    print(f"lapsed {time.monotonic() - began:.1f} s after the standby was cut off")
    with both.primary.connect(both.fleet.name) as session:
        assert session.value("select count(*) from jeton.change") > 0, "the primary answers"
    assert issuer.verdict(denied) == other.verdict(denied) == "NO revoked" or other.verdict(denied) == CUT_OFF
    with both.fail_over() as session:
        for host in issuer, other:
            host.has_lease()
            eventually(lambda host=host: host.verdict(denied) == "NO revoked" and host.verdict(kept) == "OK", "as it was asked for", 20)
        both.fleet.admin = session
        assert states(issuer) == states(other) == states_in(both.fleet)


@pytest.mark.campaign
def test_tail_that_an_asynchronous_failover_loses_is_rewound_and_no_change_is_skipped():
    for both in pairs(synchronous=False):
        lose_a_tail(both)


def lose_a_tail(both):
    issuer, other = both.start("h1", issuer=True), both.start("h2", issuer=True)
    issuer.has_lease(), other.has_lease()
    tokens = [issuer.create(subject=f"s{n}") for n in range(8)]
    other.has(issuer.created)
    with both.primary.connect("postgres") as session:
        eventually(lambda: session.value("select bool_and(replay_lsn >= pg_current_wal_lsn()) from pg_stat_replication"), "the standby has all")
    both.standby.cut_off()
    reply, _ = issuer.revoke(tokens[0])
    lost = [issuer.create(subject="lost") for _ in range(3)]
    assert reply.verdict == "OK"
    other.has(issuer.created)
    highest = issuer.created
    with both.fail_over() as session:
        both.fleet.admin = session
        others = []
        eventually(lambda: other.ask(f"revoke token={tokens[1]}").verdict == "OK", "a revocation in the new history", 30)
        others += [other.create(subject="new") for _ in range(6)]
        for host in issuer, other:
            host.has(max(highest + 1, other.created)).has_lease()      # what is left of an earlier one may end meanwhile
            assert int(host.fleet()["rewinds"]) >= 1
            assert host.verdict(tokens[0]) == "NO revoked", "a denial is never undone"
            assert host.verdict(tokens[1]) == "NO revoked", "a change under a serial that was used before"
            assert all(host.verdict(value) == "OK" for value in tokens[2:] + others)
        assert {host.verdict(value) for host in (issuer, other) for value in lost} <= {"OK", "NO unknown"}
