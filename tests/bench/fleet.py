# SPDX-License-Identifier: Apache-2.0
"""A fleet on a PostgreSQL of its own: one real host, and hundreds of simulated ones (tests/fleet/simulator.c)."""
import contextlib
import os
import socket
import subprocess
import sys
import time

import servers
from measure import Scratch, format_rate, report, start_available, store
from servers import BENCH, BUILD, ROOT

sys.path.append(f"{ROOT}/tests/flows/support")
from postgres import Cluster, migrate, programs

HOSTS, MANY, BATCH = 500, 100000, 1000
CALLS, PAUSE, DEAF_CALLS = 60, 500, 12             # PAUSE: ms, in which reports of the hosts are over
ONE_CALLS, ONE_PAUSE = 200, 10
# ms and s that are wanted
REFUSED = {"p50": 8, "p99": 20}
EVERYWHERE, BURST = 200, 30
# Saved as a database must be; all hosts may be connected, and a few others.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "max_connections": str(HOSTS + 50), "shared_buffers": "256MB",
            "max_wal_size": "4GB"}
SIMULATOR = f"{BUILD}/tests/fleet/simulator"


class Fleet:
    """A database, and one real host of it, once begin_host() has made it."""

    def __init__(self, stack):
        self.stack = stack
        self.cluster = stack.enter_context(Cluster(**SETTINGS))
        self.cluster.create("fleet")
        with self.cluster.connect("fleet") as session:
            migrate(session)
            session.ask("select jeton.join('real', '{sim}', false)")
        self.conninfo = self.cluster.conninfo("fleet")
        self.daemon = None

    def begin_host(self, path, **more):
        """A jetond whose agent is not begun yet."""
        self.daemon = self.stack.enter_context(servers.jetond(path, cpu=None, fleet=True, **more))
        return self.daemon

    def begin_agent(self):
        words = [word for key, value in {"database": self.cluster.conninfo("fleet", "real"), "socket": self.daemon.fleet,
                                         "stale": "keep 24h"}.items() for word in ("--set", f"fleet.{key}={value}")]
        agent = subprocess.Popen([f"{BUILD}/jeton-fleet", "--config", "/dev/null", *words], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(lambda: (agent.kill(), agent.wait()))
        return agent

    def simulator(self, real=True):
        sockets = (self.daemon.path, self.daemon.fleet) if real else ()
        return self.stack.enter_context(servers.CommandLoop(SIMULATOR, self.conninfo, *sockets))


def final(path, line):
    """Return the fields of the last line that answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(line.encode() + b"\n")
        words = sock.makefile("rb").readline().decode().split()
    assert words[0] == "OK", words
    return dict(word.split("=", 1) for word in words[1:])


def wait_for_lease(daemon):
    began = time.monotonic()
    while int(final(daemon.fleet, "fleet place")["lease"]) == 0:
        if time.monotonic() - began > 30:
            raise RuntimeError("the real host has no lease")
        time.sleep(0.01)


def goal_row(name, value, unit, wanted):
    report.row(name, f"{value:.1f} {unit}", f"{wanted} {unit}", "", value / wanted, ("<=", 1.0))


def beside(name, value, peer, theirs, unit="ms"):
    report.row(name, f"{value:.1f} {unit}", peer, f"{theirs:.1f} {unit}", value / theirs)


# -- revocations -------------------------------------------------------------------------------------

def revocations():
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(contextlib.closing(Scratch())).path
        fleet = Fleet(stack)
        fleet.begin_host(store(1000, scratch))
        fleet.begin_agent()
        wait_for_lease(fleet.daemon)
        simulator = fleet.simulator()
        simulator.request(f"members {HOSTS}")
        one_host(simulator)
        created = simulator.request(f"create {MANY + CALLS + DEAF_CALLS} {BATCH}")
        report.note(f"{MANY:,} tokens created in {created['answered']:.1f} s, and on the real host after {created['real']:.1f} s")
        many_hosts(stack, simulator)


def one_host(simulator):
    report.section("a revocation, from PostgreSQL's answer to the first refusal of one host's jetond, and until it is saved there")
    simulator.request(f"create {ONE_CALLS} 50")
    found = simulator.request(f"revoke {ONE_CALLS} {ONE_PAUSE}")
    for what in "refused", "saved":
        for share, wanted in REFUSED.items():
            goal_row(f"revoked to {what}, {share}", found[f"{what}_{share}"], "ms", wanted)
    report.note(f"the revocation itself takes p50 {found['commit_p50']:.1f}, p99 {found['commit_p99']:.1f} ms, saved by PostgreSQL")


def many_hosts(stack, simulator):
    report.section(f"revocations on {HOSTS} hosts and the real one, beside redis's publish and subscribe, and polling each second")
    begun = simulator.request(f"return {HOSTS}")
    report.note(f"{HOSTS} hosts came back within {begun['seconds']:.1f} s")
    told = simulator.request(f"revoke {CALLS} {PAUSE}")
    burst = simulator.request(f"burst {MANY} {BATCH}")
    storm = simulator.request("storm")
    simulator.request("deaf 1")
    deaf = simulator.request(f"revoke {DEAF_CALLS} {PAUSE}")
    check(simulator.request("check 60"))
    goal_row("revoked to known, p99 of all", told["answer_p99"], "ms", EVERYWHERE)
    for share in "p50", "p99":
        beside(f"call to known, {share}", told[f"call_{share}"], "polling each second", deaf[f"call_{share}"])
    goal_row(f"{MANY:,} revocations", burst["seconds"], "s", BURST)
    for peer in start_available(stack, [lambda: servers.redis(cpu=None)]):
        with servers.CommandLoop(f"{BENCH}/pubsub", peer.path, HOSTS) as pubsub:
            published, many = (pubsub.request(line) for line in (f"revoke {CALLS} {PAUSE // 5}", f"burst {MANY} {BATCH}"))
        for share in "p50", "p99":
            beside(f"call to known, {share}", told[f"call_{share}"], "redis, published", published[f"call_{share}"])
        beside(f"{MANY:,} revocations", burst["seconds"], "redis, published", many["seconds"], "s")
    report.note("redis saves nothing, orders nothing, and who is not connected misses it: a bound from below.")
    report.note(f"on the real host {told['refused_p50']:.1f} ms (p50) from the answer to the refusal; all {MANY:,} after {burst['real']:.1f} s, "
                f"answered by PostgreSQL after {burst['answered']:.1f} s: {format_rate(MANY / burst['answered'])}")
    report.note(f"all {HOSTS} connections cut at once: all follow again within {storm['seconds']:.1f} s")


def check(found):
    """What the hosts were given is what the table of changes has."""
    if found["settled"] != 1 or found["differ"] + found["gaps"] + found["errors"] > 0:
        raise RuntimeError(f"hosts are not like the database: {found}")


def fleet():
    if programs() is None:
        report.section("a fleet")
        report.note("missing, left out: PostgreSQL; make deps-programs installs it")
        return
    revocations()
