# SPDX-License-Identifier: Apache-2.0
"""Verifications by the modules for other languages."""
import contextlib
import os
import shutil

import servers
from measure import ROUNDS, Scratch, alternate, median, report, store
from servers import BENCH, BUILD, HERE, ROOT

TOKENS = 1000
LUAS = {"lua5.3": "5.3", "luajit": "5.1"}


def program(stack, daemon, *command, **variables):
    """Start a program that is sent the values of all tokens first."""
    os.environ |= {"LD_LIBRARY_PATH": BUILD, "PYTHONPATH": f"{ROOT}/plugin/python", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    started = stack.enter_context(servers.CommandLoop("taskset", "-c", 0, *command, daemon.path))
    started.send(b" ".join(servers.values(TOKENS)).decode())
    return started


def bindings():
    report.section("a verification by the table in Python and Lua, on one CPU")
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(contextlib.closing(Scratch())).path
        daemon = stack.enter_context(servers.jetond(store(TOKENS, scratch)))
        programs = {"python": program(stack, daemon, "/usr/bin/python3", f"{HERE}/python_verify.py"),
                    "c": stack.enter_context(servers.CommandLoop("taskset", "-c", 0, f"{BENCH}/inprocess", TOKENS))}
        for name, version in LUAS.items():
            if shutil.which(name) and os.path.exists(f"{BUILD}/lua/{version}/jeton.so"):
                programs[name] = program(stack, daemon, name, f"{HERE}/lua_verify.lua",
                                         LUA_CPATH=f"{BUILD}/lua/{version}/?.so")
            else:
                report.note(f"missing, left out: {name} or its headers; make deps deps-programs installs them")
        measured = alternate({name: lambda one=one: one.request("round") for name, one in programs.items()}, 3 * ROUNDS)
        python_rows(measured["python"], measured["c"])
        for name in LUAS.keys() & measured.keys():
            for method in "verify", "authorize":
                report.row(f"{name}, {method}()", f"{median(measured[name], method):.0f} ns", "jeton_verify with claims",
                           f"{median(measured['c'], 'verify'):.0f} ns",
                           [a[method] / b["verify"] for a, b in zip(measured[name], measured["c"])])


# The target is 1 us on the machine where the reference takes this: a CPU needs more while its host is busy.
TARGET, TARGET_HASH = 1000, 500


def python_rows(rounds, c):
    for name, method in (("check()", "check"), ("check() with a scope", "scoped"), ("verify(), with claims", "verify"),
                         ("jeton_verify by ctypes", "call")):
        report.row(f"Python, {name}", f"{median(rounds, method):.0f} ns", "sha256 and a dictionary",
                   f"{median(rounds, 'hash'):.0f} ns", [m[method] / m["hash"] for m in rounds],
                   ("<=", TARGET / TARGET_HASH) if method == "check" else None)
    report.note(f"the target is {TARGET} ns where sha256 of a value and the look-up take {TARGET_HASH} ns")
    report.note(f"jeton_verify() itself takes {median(c, 'verify'):.0f} ns with claims, and {median(c, 'no_claims'):.0f} ns without.")
    report.note(f"asyncio over the socket, 64 at once: {median(rounds, 'asyncio') / 1e3:.1f} us of the client's CPU for each.")
