# SPDX-License-Identifier: Apache-2.0
"""What a verification takes: over the socket, in process, through PAM."""
import contextlib
import statistics

import servers
from measuring import (FULL, MILLION, ROUNDS, SECONDS, SLICE, SLICES, Scratch, alternate, count, figures, median, present,
                       ratios, report, store)
from servers import BENCH, BUILD

# -- the socket ------------------------------------------------------------------------------------

def work(figure):
    """Requests for each second of CPU that both sides spent: their rate, if the CPU is all theirs."""
    return 1e9 / (figure["server"] + figure["client"])


def floor(figure):
    return figure["hash"] + figure["line"]


SOCKET_TARGETS = {
    (1, 1): {"redis": 1.25, "memcached": 1.1, "echo": 0.95},
    (50, 1): {"redis": 1.25},
    (1, 64): {"redis": 2.5, "memcached": 2.0},
    (16, 16): {"redis": 2.5, "memcached": 2.0},
}


# How often each key is asked for before anything is measured.  memcached takes a tenth less for a key in its
# first two hits, before it moves it among its queues, which a service that runs for days does not have.
VISITS = 3


def socket():
    report.section("verify over the socket, 10^6 tokens at random, server and client on one CPU: requests for "
                   "each second of CPU of both")
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(contextlib.closing(Scratch())).path
        peers = present(stack, [
            lambda: servers.jetond(store(MILLION, where)), servers.redis, servers.memcached,
            lambda: servers.floor("bare", "jeton", MILLION), lambda: servers.floor("echo"),
            lambda: servers.floor("pingpong")])
        for peer in peers:
            if peer.name in ("redis", "memcached"):
                servers.fill(peer, MILLION)
            peer.load("hit", 1, 64, 60, replies=VISITS * MILLION)
        yardstick = stack.enter_context(servers.Dialogue("taskset", "-c", 0, f"{BENCH}/inprocess", MILLION))
        for shape, targets in SOCKET_TARGETS.items():
            contestants = {peer.name: lambda peer=peer: peer.load("hit", *shape, SLICE)
                           for peer in peers if peer.name != "pingpong" or shape[0] == 1}
            if shape[1] > 1:
                contestants["yardstick"] = lambda: yardstick.ask("round")
            measured = alternate(contestants, 2 * SLICES if shape == (1, 1) else SLICES)    # a percent counts there
            socket_rows(shape, measured, targets)
    call = figures("taskset", "-c", 0, f"{BENCH}/floors", "syscall")["ns"]
    report.note(f"a system call that does nothing takes {call:.0f} ns.  At 1 x 1 a request takes five (epoll_wait, recv and "
                "send of the server, send and recv of the client)")
    report.note("and two switches between them, which is all that echo does.  At 50 x 1 and 16 x 16 jetond answers together "
                "what it reads in one pass: a reply")
    report.note("that wakes the client may hand it the CPU, and bare and echo, which answer one by one, switch more often.")


# What the target for the server's CPU is, and what hash and line take where it was set: the same CPU takes half
# as much again while the host is busy.
CPU_TARGET, CPU_YARDSTICK = 450, 315


def socket_rows(shape, measured, targets):
    ours, yardstick = measured.pop("jetond"), measured.pop("yardstick", None)
    name = f"{shape[0]} x {shape[1]}"
    for peer, theirs in measured.items():
        goal = (">=", targets[peer]) if peer in targets else None
        report.row(f"{name} hits, 1 worker", count(statistics.median(map(work, ours))), peer,
                   count(statistics.median(map(work, theirs))), ratios(ours, theirs, work), goal)
    if yardstick:
        needs = f"{median(ours, 'server'):.0f} ns"
        report.row(f"{name} server CPU a verify", needs, f"{CPU_TARGET} ns", "",
                   [figure["server"] / CPU_TARGET for figure in ours], ("<=", 1.0))
        report.row(f"{name} server CPU a verify", needs, "hash and line", f"{statistics.median(map(floor, yardstick)):.0f} ns",
                   [figure["server"] / floor(beside) for figure, beside in zip(ours, yardstick)],
                   ("<=", CPU_TARGET / CPU_YARDSTICK))
    if "bare" in measured and "redis" in measured:
        best = statistics.median(ratios(measured["bare"], measured["redis"], work))
        report.note(f"{name}: of that the bare verifier could have {best:.2f} x redis, and needs "
                    f"{median(measured['bare'], 'server'):.0f} ns of CPU; echo {median(measured['echo'], 'server'):.0f} ns")
    report.note(f"{name}: wall clock {count(median(ours, 'rate'))}, p50 {median(ours, 'p50') / 1e3:.1f} us, "
                f"p99 {median(ours, 'p99') / 1e3:.1f} us")


def kinds():
    report.section("misses and malformed values, and the default number of workers on all CPUs, 1 x 64 and 16 x 16")
    with contextlib.ExitStack() as stack:
        where = [stack.enter_context(contextlib.closing(Scratch())).path for _ in range(2)]
        one, many = (stack.enter_context(servers.jetond(store(MILLION, where[i]), name, workers, cpu))
                     for i, (name, workers, cpu) in enumerate((("1 worker", 1, 0), ("all workers", None, None))))
        for shape in (1, 64), (16, 16):
            measured = alternate({kind: lambda kind=kind: one.load(kind, *shape, SLICE)
                                  for kind in ("hit", "miss", "malformed")}, SLICES)
            for kind in "miss", "malformed":
                report.row(f"{shape[0]} x {shape[1]} {kind}", count(statistics.median(map(work, measured[kind]))),
                           "hit", count(statistics.median(map(work, measured["hit"]))),
                           ratios(measured[kind], measured["hit"], work))
            measured = alternate({"all": lambda: many.load("hit", *shape, SECONDS, cpu=-1),     # placed by the kernel
                                  "one": lambda: one.load("hit", *shape, SECONDS, cpu=-1)}, 2 * ROUNDS)
            report.row(f"{shape[0]} x {shape[1]} default workers", count(median(measured["all"], "rate")),
                       "1 worker, client anywhere", count(median(measured["one"], "rate")),
                       ratios(measured["all"], measured["one"], lambda m: m["rate"]))


# -- in process ------------------------------------------------------------------------------------

def inprocess():
    report.section("a verification in process, beside BLAKE2b of its value by libsodium and one dependent cache line")
    powers = range(3, 8 if FULL else 7)
    with contextlib.ExitStack() as stack:
        programs = {power: stack.enter_context(servers.Dialogue(f"{BENCH}/inprocess", 10 ** power)) for power in powers}
        curve = alternate({power: lambda power=power: programs[power].ask("round") for power in powers}, SLICES)
        threads = alternate({power: lambda power=power: programs[power].ask("threads") for power in powers})
        for power in powers:
            inprocess_rows(power, curve[power], threads[power])
        for peer in present(stack, [servers.redis]):
            servers.fill(peer, MILLION)
            compared = alternate({"trip": lambda: {"trip": 1e9 / peer.load("hit", 1, 1, SLICE)["rate"]},
                                  "jeton": lambda: programs[6].ask("round")}, SLICES)
            report.row("a round trip to redis", f"{median(compared['trip'], 'trip'):.0f} ns", "jeton_verify, 10^6 tokens",
                       f"{median(compared['jeton'], 'bare'):.0f} ns",
                       [a["trip"] / b["bare"] for a, b in zip(compared["trip"], compared["jeton"])], (">=", 20))
    grown = [{"bare": large["bare"] - small["bare"], "floor": floor(large) - floor(small)}     # of values as well
             for large, small in zip(curve[max(powers)], curve[3])]
    report.row(f"10^3 to 10^{max(powers)} tokens: grown by", f"{median(grown, 'bare'):.0f} ns", "hash and line by",
               f"{median(grown, 'floor'):.0f} ns", [each["bare"] / each["floor"] for each in grown], ("<=", 1.0))
    report.note(f"hash is libsodium's, {median(curve[6], 'hash'):.0f} ns for a value; jeton's own takes "
                f"{median(curve[6], 'digest'):.0f} ns where there is AVX2.")


def inprocess_rows(power, rounds, threads):
    beside = statistics.median(map(floor, rounds))
    for what, name, goal in ((f"jeton_verify, 10^{power} tokens", "bare", ("<=", 1.15)),
                             ("... with claims filled in", "verify", None),
                             ("... of a batch of 32", "batch", ("<=", 250 / beside))):
        report.row(what, f"{median(rounds, name):.0f} ns", "hash and line", f"{beside:.0f} ns",
                   [figure[name] / floor(figure) for figure in rounds], goal if power == 6 else None)
    report.row("... by each of 2 threads", f"{median(threads, 'two'):.0f} ns", "1 thread",
               f"{median(threads, 'one'):.0f} ns", [figure["two"] / figure["one"] for figure in threads])


# -- PAM -------------------------------------------------------------------------------------------

def pam():
    report.section("pam_authenticate, from pam_start to pam_end, on one CPU; and munge's encode and decode")
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(contextlib.closing(Scratch())).path
        daemon = stack.enter_context(servers.jetond(store(1000, where)))
        for name, line in (("jeton", f"{BUILD}/pam_jeton.so socket={daemon.path}"), ("permit", "pam_permit.so")):
            with open(f"{where}/{name}", "w") as file:
                file.write(f"auth required {line}\n")
        value = servers.values(1)[0].decode()

        def through(service):
            return figures("taskset", "-c", 0, f"{BENCH}/pam", where, service, "svc-0000", value, SECONDS)

        contestants = {"jeton": lambda: through("jeton"), "permit": lambda: through("permit")}
        for peer in present(stack, [servers.munged]):
            contestants["munge"] = lambda peer=peer: {
                "ns": 1e9 / figures(f"{BENCH}/munge", peer.path, 0, SECONDS)["rate"]}
        measured = alternate(contestants)
        for peer in list(measured)[1:]:
            report.row("pam_jeton", f"{median(measured['jeton'], 'ns') / 1e3:.1f} us",
                       {"permit": "pam_permit", "munge": "munge encode and decode"}[peer],
                       f"{median(measured[peer], 'ns') / 1e3:.1f} us",
                       ratios(measured["jeton"], measured[peer], lambda m: m["ns"]))
