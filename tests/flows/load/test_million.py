# SPDX-License-Identifier: Apache-2.0
"""A million tokens (JETON_SCALE makes it fewer)."""
import os
import time

import pytest

import proc
from bystanders import Bystanders
from daemon import Daemon
from filled_store import fill
from settings import PATIENCE, SANITIZER, SCALE, scaled

COUNT = scaled(1_000_000, 2000)
IMPORTED = COUNT // 100         # of them by import; the rest is there at the start
LISTING_GROWTH = 20 << 20       # bytes of memory that streaming everything may take
BYTES_PER_TOKEN = 250
EMPTY = 10 << 20                # bytes of a daemon without tokens
PAUSES = 100                    # of the slow reader


def import_all(daemon, digests):
    with daemon.client(patience=60) as client:
        replies = client.pipeline([f"import digest={digest}" for digest in digests])
    assert {reply.verdict for reply in replies} == {"OK"}


def read_slowly(daemon, ids):
    """Read a list with pauses, and check ids and order.  Return the final line, and the memory used."""
    daemon.done("checkpoint")       # which has the memory of a transaction
    with daemon.client(patience=100) as client:
        client.send("list")
        before = most = proc.rss(daemon.pid)
        for number, ident in enumerate(ids):
            line = client.line()
            assert line.startswith(b"* id=" + ident.encode()), f"{number}: {line!r}, not {ident}"
            if number % (len(ids) // PAUSES) == 0:
                most = max(most, proc.rss(daemon.pid))
                time.sleep(0.02)
        while not (line := client.line()).startswith(b"OK"):
            assert b"description=late" in line, line
        return line.decode(), most - before


def listed_while_others_work(daemon, ids, value):
    others = Bystanders(daemon, value)
    began = time.monotonic()
    final, growth = read_slowly(daemon, ids)
    print(f"list: {time.monotonic() - began:.1f} s")
    others.finish()
    print(f"slowest of the others meanwhile: {others.worst}")
    count = int(final.split("count=")[1].split()[0])
    assert len(ids) <= count <= len(ids) + others.counts["create"], final
    assert "next=" not in final, final
    assert SANITIZER or growth < LISTING_GROWTH, f"listing took {growth} bytes"
    assert others.worst["verify"] < PATIENCE, others.worst
    return len(ids) + others.counts["create"]


@pytest.mark.timeout(300)
@pytest.mark.slow
@pytest.mark.xdist_group("neighbours")     # not beside those, which go before others
def test_million_tokens_fit_in_memory_and_are_listed_whole_to_a_slow_reader():
    hexits = os.urandom(32 * COUNT).hex()
    digests = [hexits[at:at + 64] for at in range(0, len(hexits), 64)]
    daemon = Daemon()
    daemon.start_within = 120
    fill(daemon.store, digests[:-IMPORTED])
    began = time.monotonic()
    with daemon as d:
        print(f"start with {COUNT - IMPORTED} tokens: {time.monotonic() - began:.2f} s")
        began = time.monotonic()
        import_all(d, digests[-IMPORTED:])
        print(f"import of {IMPORTED} more: {time.monotonic() - began:.2f} s")
        per_token = (proc.rss(d.pid) - EMPTY) / COUNT
        print(f"{per_token:.0f} bytes a token")
        if SCALE == 1 and not SANITIZER:
            assert per_token <= BYTES_PER_TOKEN, f"{per_token:.0f} bytes a token"
        value = d.create()
        ids = [digest[:20] for digest in digests] + [value["id"]]
        total = listed_while_others_work(d, ids, value["token"])
        assert int(d.stats()["tokens"]) == total
        assert d.verify(value["token"]) == "OK"
