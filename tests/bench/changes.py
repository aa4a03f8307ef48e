# SPDX-License-Identifier: Apache-2.0
"""Durable changes, and verifications while creates run."""
import contextlib
import os
import socket
import statistics

import servers
from measure import (FULL, MILLION, Scratch, alternate, format_rate, median, ratios, report, start_available, store)
from servers import BENCH

STARTS = 8 if FULL else 4
# Rounds after a start, and seconds of a round: long enough for checkpoints, and for growth of table and store.
CHANGE_ROUNDS, CHANGE_SECONDS = 5, 0.5
# Depth -> the least share of what redis does.
DEPTHS = {1: 1.0, 16: 0.7, 256: 0.5, 1024: 0.5}
SYNCS, TRANSACTIONS = 4000, 20


def changes():
    with contextlib.ExitStack() as stack:
        directories = [stack.enter_context(contextlib.closing(Scratch())).path for _ in range(3)]
        for directory in directories[:2]:
            store(MILLION, directory)
        peers = start_available(stack, [lambda: servers.redis(None, True, directories[2])])
        for peer in peers:
            servers.fill(peer, MILLION)
        for kind in "create", "revoke":
            report.section(f"durable changes, {MILLION:,} tokens there: {kind}")
            for depth, share in DEPTHS.items():
                change_rows(kind, depth, share, [changes_after_start(kind, depth, directories, peers)
                                                 for _ in range(STARTS)])
    report.note("at full rate, with all checkpoints and growth.  redis saves each change (appendfsync always), and never rewrites "
                "its file.")


def changes_after_start(kind, depth, directories, peers):
    """Name -> results of the rounds, of servers just started on restored stores."""
    ours, bare = (restored(MILLION, f"{directory}/tokens.tdb") for directory in directories[:2])
    with contextlib.ExitStack() as stack:
        def durable(commits, *arguments):
            program = stack.enter_context(servers.CommandLoop(f"{BENCH}/durable", *arguments))
            return lambda: program.request(commits)

        def at_full_rate(server, **more):
            return lambda: server.load(kind, 1, depth, CHANGE_SECONDS, cpu=-1, **more)

        daemon = stack.enter_context(servers.jetond(ours, cpu=None))
        daemon.load("hit", 1, 1, 0.1, 1000)                     # waits until the store is loaded
        measurements = {"jetond": at_full_rate(daemon, path=daemon.admin)}
        for peer in peers:
            measurements["redis, always"] = at_full_rate(peer)
        if kind == "create":
            measurements["bare tdb"] = durable(TRANSACTIONS, "tdb", bare, depth)
        if depth == 1:
            measurements["fdatasync"] = durable(SYNCS, "sync", f"{directories[1]}/sync", 1)
        return alternate(measurements, CHANGE_ROUNDS)


def change_rows(kind, depth, share, starts):
    """Counts each start once, as the rounds after one start resemble each other."""
    goals = {"redis, always": (">=", share), "fdatasync": (">=", 0.55)}

    def rates(name):
        return [median(start[name], "rate") for start in starts]

    for peer in list(starts[0])[1:]:
        report.row(f"{kind} at depth {depth}", format_rate(statistics.median(rates("jetond"))), peer,
                   format_rate(statistics.median(rates(peer))),
                   [statistics.median(ratios(start["jetond"], start[peer], lambda m: m["rate"])) for start in starts],
                   goals.get(peer))


def restored(tokens, copy):
    """Undoes the changes in a copy of a store, in place.  (With a new copy each time, the figures of bare tdb
    varied by a factor of three.)"""
    with open(store(tokens), "rb") as original, open(copy, "r+b") as changed:
        while piece := original.read(65536):
            if changed.read(len(piece)) != piece:
                os.pwrite(changed.fileno(), piece, original.tell() - len(piece))
        changed.truncate(original.tell())
        os.fsync(changed.fileno())
    return copy


# Rounds after a start, and seconds of a round.
LATENCY_TURNS, LATENCY_SECONDS = 5, 0.2


def latency():
    if os.cpu_count() > 1:
        latency_of_its_own()
    for how, nice in ("with a priority (priority.conf)", -20), ("without a priority", None):
        report.section("verify, 1 x 1 from a CPU of its own, while creates run at full rate on the server's; "
                       f"a server {how}")
        with contextlib.ExitStack() as stack:
            ours, bare = (store(MILLION, stack.enter_context(contextlib.closing(Scratch())).path) for _ in range(2))
            measured = {}
            for _ in range(STARTS):
                for name, rounds in latency_after_start(ours, bare, nice).items():
                    measured.setdefault(name, []).extend(rounds)
        latency_rows("verify", "under creates", measured["busy"], measured["idle"], None)
        report.note(f"meanwhile {format_rate(median(measured['busy'], 'creates'))} creates; the slowest verification of "
                    f"{sum(m['replies'] for m in measured['busy']):,.0f} took {slowest(measured['busy']):.1f} ms, idle "
                    f"{slowest(measured['idle']):.1f} ms")
        if nice:
            echo_rows(measured)
        if nice and os.geteuid() != 0:
            report.note("only root can raise priorities: these servers have none")
    report.note("without a priority it waits for the CPU (perf sched timehist): the time slice of the writer's thread is "
                "up to 3 ms.")
    report.note("p50 depends on how deeply an idle client's CPU sleeps: 25 us or 75, which on a virtual machine the "
                "host decides.")


def latency_after_start(ours, bare, nice):
    client = 1 if os.cpu_count() > 1 else 0
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(servers.jetond(restored(MILLION, ours), nice=nice))
        measurements = {"busy": lambda: under_creates(daemon, client),
                       "idle": lambda: daemon.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)}
        if nice:
            echo = stack.enter_context(servers.baseline("echo", nice=nice))
            restored(MILLION, bare)
            for name, command in (("a busy loop", ("sh", "-c", "while :; do :; done")),
                                  ("bare tdb", (f"{BENCH}/durable", "tdb", bare, 256))):
                measurements[name] = lambda command=command: echo_on_busy_cpu(echo, client, command)
            measurements["echo idle"] = lambda: echo.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)
        return alternate(measurements, LATENCY_TURNS)


def latency_of_its_own():
    """The worker that verifies, and who asks it, have a CPU; all other threads and who creates have the other one."""
    report.section("verify, 1 x 1, its worker and its client on a CPU of their own, while creates run at full rate on the other")
    with contextlib.closing(Scratch()) as scratch, \
            servers.jetond(store(MILLION, scratch.path), workers=2, cpu=None) as daemon:
        measured = alternate({"busy": lambda: beside_other_cpu(daemon, True), "idle": lambda: beside_other_cpu(daemon, False)},
                             2 * LATENCY_TURNS)
    latency_rows("verify", "under creates", measured["busy"], measured["idle"], ("<=", 1.3))
    report.note(f"meanwhile {format_rate(median(measured['busy'], 'creates'))} creates")


def beside_other_cpu(daemon, creates):
    """Connections go to the two workers by turns: the third one's is the first one's."""
    own, other = 1, 0
    daemon.pin_busiest(lambda: daemon.load("hit", 1, 1, 0.1, cpu=own), own, other)
    if creates:
        return under_creates(daemon, own)
    with socket.socket(socket.AF_UNIX) as second:
        second.connect(daemon.admin)
        return daemon.load("hit", 1, 1, LATENCY_SECONDS, cpu=own)


def slowest(rounds):
    """The slowest verification, in milliseconds."""
    return max(result["most"] for result in rounds) / 1e6


def echo_rows(measured):
    for other in "a busy loop", "bare tdb":
        latency_rows("echo", f"beside {other}", measured[other], measured["echo idle"], None)
        report.row("verify p99 under creates", f"{median(measured['busy'], 'p99') / 1e3:.1f} us",
                   f"echo beside {other}", f"{median(measured[other], 'p99') / 1e3:.1f} us",
                   ratios(measured["busy"], measured[other], lambda m: m["p99"]),
                   ("<=", 1) if other == "bare tdb" else None)
    report.note("echo has the same priority and only sends back what it receives: no server gets a busy CPU "
                "sooner.  That CPU must be interrupted; an idle one may poll.")
    report.note("bare tdb commits 256 records at a time on that CPU, like the daemon: this shows the cost of its "
                "system calls and of the disk's interrupts.")


def latency_rows(who, beside, busy, idle, goal):
    for name, what in ("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"):
        report.row(f"{who} {what} {beside}", f"{median(busy, name) / 1e3:.1f} us", "idle",
                   f"{median(idle, name) / 1e3:.1f} us", ratios(busy, idle, lambda m: m[name]),
                   goal if name == "p99" else None)


def echo_on_busy_cpu(server, client, command):
    with servers.busy_cpu(0, MILLION, *command):
        return server.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)


def under_creates(daemon, client):
    creating = dict(cpu=0, path=daemon.admin)
    daemon.begin_load("create", 1, 256, 1.5 * LATENCY_SECONDS, **creating)
    result = daemon.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)
    result["creates"] = daemon.end_load(**creating)["rate"]
    return result
