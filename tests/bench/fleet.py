# SPDX-License-Identifier: Apache-2.0
"""A fleet on a PostgreSQL of its own: one real host, and hundreds of simulated ones (tests/fleet/simulator.c)."""
import contextlib

import fleet_of_one
import servers
from fleet_server import HOSTS, Fleet, wait_for_lease
from measure import Scratch, format_rate, report, start_available, store
from postgres import programs
from servers import BENCH

MANY, BATCH = 100000, 1000
CALLS, PAUSE, DEAF_CALLS = 60, 500, 12             # PAUSE: ms, in which reports of the hosts are over
ONE_CALLS, ONE_PAUSE = 200, 10
# ms and s that are wanted
REFUSED = {"p50": 8, "p99": 20}
EVERYWHERE, BURST = 200, 30


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
    fleet_of_one.of_instructions()
    fleet_of_one.hosts()
    revocations()
