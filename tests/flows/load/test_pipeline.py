# SPDX-License-Identifier: Apache-2.0
"""Many requests at once: one commit for many, and replies in the order of the requests."""
import contextlib
import itertools
import re
import socket
import subprocess

import pytest

from settings import PATIENCE

COUNT = 1000
HANDFUL = 30            # commits that a thousand changes sent at once may become


def connected(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10 * PATIENCE)
    sock.connect(path)
    return sock


def closed_loop(sock, line, depth, rounds, held=contextlib.nullcontext()):
    """Keep this many requests under way: send as many as replies come in.  The first are sent while `held`."""
    left = depth * (rounds - 1)
    with held:
        sock.sendall(line * depth)
    coming = depth * rounds
    while coming > 0:
        replies = sock.recv(65536)
        assert replies, "the connection was closed"
        came = replies.count(b"\n")
        coming -= came
        if min(came, left) > 0:
            sock.sendall(line * min(came, left))
        left -= min(came, left)


def test_thousand_creates_at_once_become_a_handful_of_commits(daemon):
    d = daemon()
    before = int(d.stats()["commits"])
    client = d.client()
    with d.stopped():
        client.send(*[f"create description=n{n}" for n in range(COUNT)])
    replies = [client.reply() for _ in range(COUNT)]
    assert [r["description"] for r in replies] == [f"n{n}" for n in range(COUNT)], "in order"
    commits = int(d.stats()["commits"]) - before
    assert 1 <= commits < HANDFUL, f"{commits} commits"
    entries = d.done("journal").lines
    assert [e["id"] for e in entries] == [r["id"] for r in replies], "the journal has them all"
    assert [int(e["serial"]) for e in entries] == list(range(1, COUNT + 1))
    d.stop()
    dump = subprocess.run(["tdbdump", d.store], capture_output=True, text=True, check=True)
    blocks = len(re.findall(r'^key\(\d+\) = "journal/', dump.stdout, re.M))
    assert 1 <= blocks < HANDFUL, f"{blocks} journal records for {COUNT} entries"


def commits_of(d, work):
    before = int(d.stats()["commits"])
    work()
    return int(d.stats()["commits"]) - before


def test_changes_sent_together_are_saved_together(daemon):
    line = 'create subject=svc-0001 scopes=repo:read,repo:write description="ci deploy"\n'
    d = daemon()
    with connected(d.path()) as sock:
        assert len(line) * 250 > 16384, "more than is read at once"
        for burst in range(1, 5):       # of which some begin in one journal block and end in another
            assert commits_of(d, lambda: closed_loop(sock, line.encode(), 250, 1, d.stopped())) == 1, (
                f"burst {burst}")
        d.restart()
        assert [int(e["serial"]) for e in d.done("journal").lines] == list(range(1, 1001))


def test_answers_that_belong_together_come_together(daemon):
    d = daemon()
    with connected(d.path()) as sock:
        commits = commits_of(d, lambda: closed_loop(sock, b"create\n", 16, 50))
        assert commits <= 55, f"{commits} commits in 50 rounds of 16 creates"


def test_clients_that_wait_for_each_reply_share_commits(daemon):
    d = daemon()
    before = int(d.stats()["commits"])
    clients = [d.client() for _ in range(50)]
    for _ in range(4):
        with d.stopped():
            for client in clients:
                client.send("create")
        for client in clients:
            assert client.reply().verdict == "OK"
    commits = int(d.stats()["commits"]) - before
    assert commits <= 150, f"{commits} commits for 200 changes of 50 clients"


def test_replies_come_in_order_whatever_the_requests(daemon):
    d = daemon()
    token = d.create()
    cycle = [(f"verify {token['token']}", "OK"), (f"update {token['id']} subject=a", "OK"),
             ("ping", "OK"), (f"disable {token['id']}", "OK"),
             (f"verify {token['token']}", "NO disabled"), (f"enable {token['id']}", "OK"),
             ("nonsense", "ERR unknown-verb"), (f"show {token['id']}", "OK"),
             (f"verify {token['token']}", "OK"), ("list", "OK"), ("create", "OK"),
             (f"verify {token['id']}", "NO identifier"), ("create ttl=0s", "ERR bad-value"),
             ("show " + "0" * 20, "NO unknown"), ("list limit=1", "OK")]
    script = list(itertools.islice(itertools.cycle(cycle), 600))
    replies = d.client().pipeline([line for line, _ in script])
    assert [r.verdict for r in replies] == [verdict for _, verdict in script]
    lists = [len(r.data) for (line, _), r in zip(script, replies) if line == "list"]
    assert lists == list(range(1, len(lists) + 1)), "each list sees the creates before it"


def test_requests_sent_before_the_end_of_input_are_all_answered(daemon):
    d = daemon()
    for count in 1, 10, 1000:
        with d.client() as client:
            client.send(*["create"] * count, *["ping"] * count)
            client.finish()
            assert [r.verdict for r in client.replies()] == ["OK"] * 2 * count


def test_quit_ends_the_session_after_all_that_came_before_it(daemon):
    d = daemon()
    with d.client() as client:
        client.send("create", "quit", "create")
        assert [r.verdict for r in client.closed()] == ["OK", "OK"]
        assert len(d.list()) == 1


@pytest.mark.timeout(120)
def test_no_change_fails_because_the_file_had_to_grow(daemon):
    d = daemon()
    began = d.stats()["store_bytes"]
    for number in range(3000):          # one commit each
        d.create(description="x" * (1000 - number % 50))
        if d.stats()["store_bytes"] != began:
            break
    for _ in range(20):
        d.create(description="x" * 1000)
    after = d.stats()
    assert after["store_bytes"] != began, began
    assert after["store_failures"] == "0"
