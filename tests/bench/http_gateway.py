# SPDX-License-Identifier: Apache-2.0
"""Verifications over HTTP: the gateway by itself, and behind nginx."""
import contextlib
import statistics

import servers
from measure import ROUNDS, SECONDS, SLICE, SLICES, Scratch, alternate, format_rate, median, ratios, report, store
from verification import work

TOKENS = 100000
# The server's CPU for a request, in ns, by connections and requests in flight on each.
CPU_TARGETS = {(1, 1): None, (64, 1): 5500, (64, 16): 1600}


def gateway():
    report.section("verify over HTTP, 10^5 tokens at random, servers and client on one CPU")
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(contextlib.closing(Scratch())).path
        daemon = stack.enter_context(servers.jetond(store(TOKENS, scratch)))
        ours = stack.enter_context(servers.gateway(daemon))
        floor = stack.enter_context(servers.baseline("http", "http"))
        for shape, target in CPU_TARGETS.items():
            measured = alternate({peer.name: lambda peer=peer: peer.load("hit", *shape, SLICE, TOKENS)
                                  for peer in (ours, floor)}, SLICES)
            name = f"{shape[0]} x {shape[1]}"
            cpu = median(measured["gateway"], "server")
            report.row(f"{name} requests", format_rate(statistics.median(map(work, measured["gateway"]))), "the same to everybody",
                       format_rate(statistics.median(map(work, measured["http"]))),
                       ratios(measured["gateway"], measured["http"], work))
            if target:
                report.row(f"{name} CPU a request", f"{cpu:.0f} ns", f"{target} ns", "",
                           [result["server"] / target for result in measured["gateway"]], ("<=", 1.0))
        behind_nginx(stack, ours, floor)


def behind_nginx(stack, ours, floor):
    """nginx and what it asks on one CPU, the client on another."""
    try:
        peers = [stack.enter_context(servers.nginx(name, upstream)) for name, upstream in
                 (("without auth", None), ("the gateway", ours.path), ("the same to everybody", floor.path))]
    except servers.Missing as missing:
        report.note(f"missing, left out: {missing}; make deps-programs installs it")
        return
    measured = alternate({peer.name: lambda peer=peer: peer.load("hit", 64, 1, SECONDS, TOKENS, cpu=1) for peer in peers}, ROUNDS)
    gateway_rounds = measured.pop("the gateway")
    for peer, theirs in measured.items():
        report.row("nginx, auth_request: gateway", format_rate(median(gateway_rounds, "rate")), peer,
                   format_rate(median(theirs, "rate")), ratios(gateway_rounds, theirs, lambda m: m["rate"]))
    report.note(f"p99 at 64 connections: {median(gateway_rounds, 'p99') / 1e3:.0f} us through the gateway, "
                f"{median(measured['without auth'], 'p99') / 1e3:.0f} us without auth")
