# SPDX-License-Identifier: Apache-2.0
"""Durable creates, and verifications while creates run."""
import contextlib
import os
import statistics

import servers
from measure import (MILLION, SECONDS, STARTS, Scratch, alternate, format_rate, median, ratios, report,
                     start_available, store)
from servers import BENCH


# Depth -> commits in a round, and rounds after a start.  jetond commits about two more in each.  With fewer
# than 48,576 creates after a start at 10^6 tokens, neither table nor store grows, which takes 0.6 s.
COMMITS = {1: (32, 8), 16: (32, 8), 256: (20, 4), 1024: (8, 3)}


def creates():
    for tokens in 1000, MILLION:
        report.section(f"durable creates, {tokens:,} tokens there")
        with contextlib.ExitStack() as stack:
            directories = [stack.enter_context(contextlib.closing(Scratch())).path for _ in range(4)]
            for directory in directories[:3]:
                store(tokens, directory)
            peers = start_available(stack, [lambda: servers.redis(None, True, directories[3])])
            for peer in peers:
                servers.fill(peer, tokens)
            for depth, (commits, rounds) in COMMITS.items():
                create_rows(depth, [creates_after_start(tokens, depth, commits, rounds, directories, peers)
                                    for _ in range(STARTS)])
        if tokens == MILLION:
            report.note("these do not include growth: of the table, whenever the tokens double, and of a store, by a tenth")
    report.note("its writer alone: the same changes in one thread, without client, socket and values.  Its cost over "
                "bare tdb is the journal, in which")
    report.note("each change has an entry, formatting the records, and publishing.  Space of 512 bytes for records, "
                "instead of 304, costs next to nothing.")


def creates_after_start(tokens, depth, commits, rounds, directories, peers):
    """Name -> results of the rounds, of servers just started on restored stores."""
    ours, bare, alone = (restored(tokens, f"{directory}/tokens.tdb") for directory in directories[:3])
    with contextlib.ExitStack() as stack:
        def durable(*arguments):
            program = stack.enter_context(servers.CommandLoop(f"{BENCH}/durable", *arguments))
            return lambda: program.request(commits)

        daemon = stack.enter_context(servers.jetond(ours, cpu=None))
        daemon.load("hit", 1, 1, 0.1, 1000)                     # waits until the store is loaded
        measurements = {
            "jetond": lambda: daemon.load("create", 1, depth, 60, cpu=-1, path=daemon.admin, replies=depth * commits),
            "bare tdb": durable("tdb", bare, depth),
            "its writer alone": durable("writer", alone, depth)}
        for peer in peers:
            measurements["redis, always"] = lambda peer=peer: peer.load("create", 1, depth, SECONDS / 4, cpu=-1)
        if depth == 1:
            measurements["fdatasync"] = durable("sync", f"{directories[1]}/sync", 1)
        return alternate(measurements, rounds)


def create_rows(depth, starts):
    """Counts each start once, as the rounds after one start resemble each other."""
    def rates(name):
        return [median(start[name], "rate") for start in starts]

    def row(name, ours, theirs, goal=None):
        report.row(name, format_rate(statistics.median(rates(ours))), theirs,
                   format_rate(statistics.median(rates(theirs))),
                   [statistics.median(ratios(start[ours], start[theirs], lambda m: m["rate"])) for start in starts], goal)

    for peer in list(starts[0])[1:]:
        row(f"creates at depth {depth}", "jetond", peer, (">=", 0.8) if peer == "bare tdb" else None)
    row("... the writer alone", "its writer alone", "bare tdb")


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


# Rounds after a start, and seconds of a round: as few creates after a start as above.
LATENCY_TURNS, LATENCY_SECONDS = 5, 0.2


def latency():
    for how, nice in ("with a priority (priority.conf)", -20), ("without a priority", None):
        report.section("verify, 1 x 1 from a CPU of its own, while creates run at full rate on the server's; "
                       f"a server {how}")
        with contextlib.ExitStack() as stack:
            ours, bare = (store(MILLION, stack.enter_context(contextlib.closing(Scratch())).path) for _ in range(2))
            measured = {}
            for _ in range(STARTS):
                for name, rounds in latency_after_start(ours, bare, nice).items():
                    measured.setdefault(name, []).extend(rounds)
        latency_rows("verify", "under creates", measured["busy"], measured["idle"], ("<=", 1.3) if nice else None)
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


def slowest(rounds):
    """The slowest verification, in milliseconds."""
    return max(result["most"] for result in rounds) / 1e6


def echo_rows(measured):
    for other in "a busy loop", "bare tdb":
        latency_rows("echo", f"beside {other}", measured[other], measured["echo idle"], None)
        report.row("verify p99 under creates", f"{median(measured['busy'], 'p99') / 1e3:.1f} us",
                   f"echo beside {other}", f"{median(measured[other], 'p99') / 1e3:.1f} us",
                   ratios(measured["busy"], measured[other], lambda m: m["p99"]))
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
