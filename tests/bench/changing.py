# SPDX-License-Identifier: Apache-2.0
"""What creates take, and what they take from verifications meanwhile."""
import contextlib
import os
import statistics

import servers
from measuring import (MILLION, SECONDS, STARTS, Scratch, alternate, count, median, present, ratios, report,
                       store)
from servers import BENCH


# Depth -> commits of a turn, and turns of a start.  jetond commits about two more in each.  With less than
# 48,576 creates of a start at 10^6 tokens, neither its table nor a store grows, which takes 0.6 s.
COMMITS = {1: (32, 8), 16: (32, 8), 256: (20, 4), 1024: (8, 3)}


def creates():
    for tokens in 1000, MILLION:
        report.section(f"durable creates, {tokens:,} tokens there")
        with contextlib.ExitStack() as stack:
            where = [stack.enter_context(contextlib.closing(Scratch())).path for _ in range(4)]
            for place in where[:3]:
                store(tokens, place)
            peers = present(stack, [lambda: servers.redis(None, True, where[3])])
            for peer in peers:
                servers.fill(peer, tokens)
            for depth, (commits, turns) in COMMITS.items():
                create_rows(depth, [creates_of_a_start(tokens, depth, commits, turns, where, peers)
                                    for _ in range(STARTS)])
        if tokens == MILLION:
            report.note("growth is not in these: of the table, whenever the tokens double, and of a store, by a tenth")
    report.note("its writer alone: the same changes in one thread, without client, socket and values.  What it takes "
                "beside bare tdb is the journal, of which")
    report.note("each change has an entry, wording records, and publishing.  Places of 512 bytes for records, instead of "
                "304, take next to nothing.")


def creates_of_a_start(tokens, depth, commits, turns, where, peers):
    """Name -> what each turn measured, of all who have just been started on stores as they were."""
    ours, bare, alone = (restored(tokens, f"{place}/tokens.tdb") for place in where[:3])
    with contextlib.ExitStack() as stack:
        def durable(*arguments):
            program = stack.enter_context(servers.Dialogue(f"{BENCH}/durable", *arguments))
            return lambda: program.ask(commits)

        daemon = stack.enter_context(servers.jetond(ours, cpu=None))
        daemon.load("hit", 1, 1, 0.1, 1000)                     # it listens before it has loaded
        contestants = {
            "jetond": lambda: daemon.load("create", 1, depth, 60, cpu=-1, path=daemon.admin, replies=depth * commits),
            "bare tdb": durable("tdb", bare, depth),
            "its writer alone": durable("writer", alone, depth)}
        for peer in peers:
            contestants["redis, always"] = lambda peer=peer: peer.load("create", 1, depth, SECONDS / 4, cpu=-1)
        if depth == 1:
            contestants["fdatasync"] = durable("sync", f"{where[1]}/sync", 1)
        return alternate(contestants, turns)


def create_rows(depth, starts):
    """Turns of one start resemble each other: each start counts once."""
    def rates(name):
        return [median(start[name], "rate") for start in starts]

    def row(what, ours, theirs, goal=None):
        report.row(what, count(statistics.median(rates(ours))), theirs, count(statistics.median(rates(theirs))),
                   [statistics.median(ratios(start[ours], start[theirs], lambda m: m["rate"])) for start in starts], goal)

    for peer in list(starts[0])[1:]:
        row(f"creates at depth {depth}", "jetond", peer, (">=", 0.8) if peer == "bare tdb" else None)
    row("... the writer alone", "its writer alone", "bare tdb")


def restored(tokens, copy):
    """Takes back what was changed in a copy of a store, where it was changed.  (With a whole new copy each
    time, the figures of bare tdb wandered by a factor of three.)"""
    with open(store(tokens), "rb") as original, open(copy, "r+b") as changed:
        while piece := original.read(65536):
            if changed.read(len(piece)) != piece:
                os.pwrite(changed.fileno(), piece, original.tell() - len(piece))
        changed.truncate(original.tell())
        os.fsync(changed.fileno())
    return copy


# Turns of a start, and seconds of a turn: as few creates of a start as above.
LATENCY_TURNS, LATENCY_SECONDS = 5, 0.2


def latency():
    for how, nice in ("with a priority (priority.conf)", -20), ("without a priority", None):
        report.section("verify, 1 x 1 from a CPU of its own, while creates run at full rate on the server's; "
                       f"a server {how}")
        with contextlib.ExitStack() as stack:
            ours, bare = (store(MILLION, stack.enter_context(contextlib.closing(Scratch())).path) for _ in range(2))
            measured = {}
            for _ in range(STARTS):
                for name, turns in latency_of_a_start(ours, bare, nice).items():
                    measured.setdefault(name, []).extend(turns)
        latency_rows("verify", "under creates", measured["busy"], measured["idle"], ("<=", 1.3) if nice else None)
        report.note(f"meanwhile {count(median(measured['busy'], 'creates'))} creates; the slowest verification of "
                    f"{sum(m['replies'] for m in measured['busy']):,.0f} took {slowest(measured['busy']):.1f} ms, idle "
                    f"{slowest(measured['idle']):.1f} ms")
        if nice:
            echo_rows(measured)
        if nice and os.geteuid() != 0:
            report.note("only root can give a priority: these servers had none")
    report.note("without a priority it waits for the CPU (perf sched timehist): the writer's thread has a slice of "
                "up to 3 ms.")
    report.note("p50 tells how deep a waiting client's CPU sleeps: 25 us or 75, on a virtual machine by the host's mood.")


def latency_of_a_start(ours, bare, nice):
    client = 1 if os.cpu_count() > 1 else 0
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(servers.jetond(restored(MILLION, ours), nice=nice))
        contestants = {"busy": lambda: under_creates(daemon, client),
                       "idle": lambda: daemon.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)}
        if nice:
            echo = stack.enter_context(servers.floor("echo", nice=nice))
            restored(MILLION, bare)
            for name, command in (("a busy loop", ("sh", "-c", "while :; do :; done")),
                                  ("bare tdb", (f"{BENCH}/durable", "tdb", bare, 256))):
                contestants[name] = lambda command=command: echo_beside(echo, client, command)
            contestants["echo idle"] = lambda: echo.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)
        return alternate(contestants, LATENCY_TURNS)


def slowest(turns):
    """In milliseconds."""
    return max(turn["most"] for turn in turns) / 1e6


def echo_rows(measured):
    for other in "a busy loop", "bare tdb":
        latency_rows("echo", f"beside {other}", measured[other], measured["echo idle"], None)
        report.row("verify p99 under creates", f"{median(measured['busy'], 'p99') / 1e3:.1f} us",
                   f"echo beside {other}", f"{median(measured[other], 'p99') / 1e3:.1f} us",
                   ratios(measured["busy"], measured[other], lambda m: m["p99"]))
    report.note("echo has the same priority, and does nothing but answer: no server gets at a busy CPU "
                "sooner.  That CPU must be interrupted; an idle one may poll.")
    report.note("bare tdb commits 256 records at a time on that CPU, as the daemon does: what waiting for its "
                "system calls and for the disk's interrupts takes.")


def latency_rows(who, beside, busy, idle, goal):
    for name, what in ("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"):
        report.row(f"{who} {what} {beside}", f"{median(busy, name) / 1e3:.1f} us", "idle",
                   f"{median(idle, name) / 1e3:.1f} us", ratios(busy, idle, lambda m: m[name]),
                   goal if name == "p99" else None)


def echo_beside(server, client, command):
    with servers.beside(0, MILLION, *command):
        return server.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)


def under_creates(daemon, client):
    creating = dict(cpu=0, path=daemon.admin)
    daemon.begin_load("create", 1, 256, 1.5 * LATENCY_SECONDS, **creating)
    figure = daemon.load("hit", 1, 1, LATENCY_SECONDS, cpu=client)
    figure["creates"] = daemon.end_load(**creating)["rate"]
    return figure
