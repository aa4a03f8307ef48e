# SPDX-License-Identifier: Apache-2.0
"""What each token takes of memory: after a start, while tokens come, and some seconds after that."""
import contextlib
import hashlib
import socket
import time

import servers
from measure import FULL, MILLION, Scratch, report, store

SIZES = [100000, 300000, 600000, MILLION] + ([10 * MILLION] if FULL else [])
BYTES, GROWING, AFTER = 165, 1.9, 10       # resident bytes a token, times that while tokens come, seconds after that
PIPELINED, CLAIMS_MAX = 256, 7 * MILLION   # as in fill.c


def line(number, tokens):
    """An import with the claims of fill.c."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    if tokens > CLAIMS_MAX:
        return f"import digest={digest}\n"
    end = " expires=2096-10-02T07:06:40Z" if number % 2 else ""
    scopes = "repo:read,repo:write" if number % 3 else "deploy,read"
    return f"import digest={digest} subject=svc-{number % 1000:04d} scopes={scopes} description=\"ci deploy {number}\"{end}\n"


def grow(daemon, tokens):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.admin)
        replies = sock.makefile("rb")
        for begin in range(0, tokens, PIPELINED):
            numbers = range(begin, min(begin + PIPELINED, tokens))
            sock.sendall("".join(line(number, tokens) for number in numbers).encode())
            for _ in numbers:
                assert replies.readline().startswith(b"OK")


def row(when, tokens, daemon, field="VmRSS", goal=1.0):
    each = daemon.resident(field) / tokens
    report.row(f"{tokens:,} tokens, {when}", f"{each:.0f} B/token", f"{BYTES} bytes a token", "", [each / BYTES], ("<=", goal))


def memory():
    report.section("resident memory")
    for tokens in SIZES:
        with contextlib.closing(Scratch()) as scratch:
            with servers.jetond(store(tokens, scratch.path)) as daemon:
                daemon.load("hit", 1, 1, 0.1, tokens)           # waits until the store is loaded
                row("after a start", tokens, daemon)
        with contextlib.closing(Scratch()) as scratch:
            with servers.jetond(f"{scratch.path}/tokens.tdb") as daemon:
                grow(daemon, tokens)
                row("at most while they came", tokens, daemon, "VmHWM", GROWING)
                time.sleep(AFTER)
                row(f"{AFTER} s after that", tokens, daemon)
                shared = daemon.resident("RssFile")
    report.note(f"{shared / 2**20:.1f} MiB of it are pages of programs and libraries, which processes share: at 10^5 that is "
                f"{shared / 1e5:.0f} bytes a token.")
    report.note("While tokens come, a checkpoint holds the pages of a TDB transaction, some 30 MiB at most, and the log what is not saved yet.")
    if FULL:
        report.note("at 10^7, tokens have no subject, scopes and description: with them they would not fit into a TDB file.")
