# SPDX-License-Identifier: Apache-2.0
"""Measure the Python module jeton: PATH of the verify socket; the values of tokens are the first line of standard input.

For each "round" that it reads it measures in turn, in nanoseconds of CPU for one token,

    hash      hashlib.sha256 of the value, and a dictionary's look-up of the digest
    call      jeton_verify() by ctypes, with arguments that are all made before
    check     Jeton.check()
    scoped    Jeton.check() with a scope and a subject
    verify    Jeton.verify(), which returns claims
    asyncio   jeton.aio.Client.check(), 64 at once; without the CPU of the daemon"""
import asyncio
import ctypes
import hashlib
import sys
import time

import jeton
import jeton.aio
from jeton import _library

PASSES, TOGETHER = 20, 64


def measure(function, values):
    """Return the nanoseconds that a call takes, without those of the loop."""
    times = []
    for call in function, int:
        begin = time.process_time_ns()
        for _ in range(PASSES):
            for value in values:
                call(value)
        times.append((time.process_time_ns() - begin) / PASSES / len(values))
        values = range(len(values))
    return times[0] - times[1]


def loop(path, values):
    tokens = jeton.Jeton(path)
    claims = tokens.verify(values[0])
    sha256, known = hashlib.sha256, {hashlib.sha256(value).digest(): value for value in values}
    raw, handle, length, buffer = tokens._verify, tokens._handle, ctypes.c_size_t(len(values[0])), _library.Buffer().pointer
    assert len(set(map(len, values))) == 1 and claims.source == "table"
    client = jeton.aio.Client(path)

    async def ask():
        for begin in range(0, len(values), TOGETHER):
            await asyncio.gather(*map(client.check, values[begin:begin + TOGETHER]))
    with asyncio.Runner() as runner:
        for _ in sys.stdin:
            found = {"hash": measure(lambda value: known[sha256(value).digest()], values),
                     "call": measure(lambda value: raw(handle, value, length, None, None, buffer), values),
                     "check": measure(tokens.check, values), "verify": measure(tokens.verify, values),
                     "scoped": measure(lambda value: tokens.check(value, claims.scopes[0], None), values)}
            begin = time.process_time_ns()
            runner.run(ask())
            found["asyncio"] = (time.process_time_ns() - begin) / len(values)
            print(*(f"{name}={value:.0f}" for name, value in found.items()), flush=True)


loop(sys.argv[1], sys.stdin.readline().encode().split())
