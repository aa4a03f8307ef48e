# SPDX-License-Identifier: Apache-2.0
"""Verifications over HTTP: the gateway by itself, and nginx with the gateway or with our module."""
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
        behind_nginx(stack, daemon, ours, floor)


def nginx_peers(stack, daemon, ours, floor):
    """nginx by name, and whom it asks."""
    found = {}
    for name, asked, settings in (("without auth", None, {}), ("the module", None, {"verify": daemon.path}),
                                  ("auth_request: gateway", ours, {"upstream": ours.path}),
                                  ("auth_request: the same to everybody", floor, {"upstream": floor.path})):
        try:
            found[name] = stack.enter_context(servers.nginx(name, **settings)), asked
        except servers.Missing as missing:
            report.note(f"missing, left out: {missing}; make deps deps-programs installs it")
    return found


def load(peer, asked):
    """Measure nginx, and the CPU of whom it asks."""
    before = asked.cpu_time() if asked else 0
    result = peer.load("hit", 64, 1, SECONDS, TOKENS, cpu=1)
    result["asked"] = (asked.cpu_time() - before) / result["replies"] if asked else 0
    return result


def behind_nginx(stack, daemon, ours, floor):
    """nginx and what it asks on one CPU, the client on another."""
    measured = alternate({name: lambda pair=pair: load(*pair) for name, pair in nginx_peers(stack, daemon, ours, floor).items()}, ROUNDS)
    for name in "the module", "auth_request: gateway":
        for peer in measured:
            if name in measured and peer != name and (name, peer) != ("auth_request: gateway", "the module"):
                report.row(f"nginx, {name}", format_rate(median(measured[name], "rate")), peer, format_rate(median(measured[peer], "rate")),
                           ratios(measured[name], measured[peer], lambda m: m["rate"]))
    for name, rounds in measured.items():
        asked = f" and {median(rounds, 'asked') / 1e3:.1f} us of whom it asks" if median(rounds, "asked") else ""
        report.note(f"nginx, {name}: {median(rounds, 'server') / 1e3:.2f} us of its CPU a request{asked}; p99 at 64 connections "
                    f"{median(rounds, 'p99') / 1e3:.0f} us")
