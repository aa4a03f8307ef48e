# SPDX-License-Identifier: Apache-2.0
"""What each token takes of a daemon's memory.  Pages of programs and libraries, which processes share, are not counted."""
import os

import pytest

import proc
from daemon import Daemon
from settings import SANITIZER, SCALE
from waiting import eventually

TOKENS = 100_000
BYTES_PER_TOKEN = 165
EMPTY = 2 << 20                 # bytes of a daemon without tokens
AT_ONCE = 1000                  # imports in the pipeline: what many changes take at once is to be given back

pytestmark = pytest.mark.skipif(bool(SANITIZER) or SCALE != 1, reason="measures memory at full size")


def own(pid):
    """Bytes that are resident and the process's own; its table is shared memory."""
    return 1024 * sum(proc.status(pid, field) for field in ("RssAnon", "RssShmem"))


def import_tokens(client):
    hexits = os.urandom(32 * TOKENS).hex()
    for begin in range(0, TOKENS, AT_ONCE):
        replies = client.pipeline([
            f"import digest={hexits[64 * i:64 * i + 64]} subject=svc-{i % 1000} scopes=repo:read,repo:write "
            f"description=\"ci deploy {i}\"{' expires=2096-10-02T07:06:40Z' if i % 2 else ''}"
            for i in range(begin, begin + AT_ONCE)])
        assert {reply.verdict for reply in replies} == {"OK"}


def wait_until_small(pid, when):
    most = EMPTY + TOKENS * BYTES_PER_TOKEN
    eventually(lambda: own(pid) <= most, f"at most {most} bytes {when}", within=12, every=0.1)
    print(f"{when}: {own(pid) / TOKENS:.1f} bytes a token")


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_each_token_takes_165_bytes_after_growth_and_after_a_start_and_a_list():
    with Daemon() as daemon:
        with daemon.client(patience=60) as client:
            import_tokens(client)
        wait_until_small(daemon.pid, "some seconds after they were imported")
        daemon.restart()
        wait_until_small(daemon.pid, "after a start")
        daemon.done("list limit=1")
        wait_until_small(daemon.pid, "after all were put in order")
