# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping, sockets and figures."""
import os
import signal
import stat

from client import Closed
from daemon import Daemon, run_jetond
from value import altered, value_new
from waiting import eventually


def test_stats_count_what_happened(daemon):
    d = daemon()
    token = d.create()
    before = d.stats()
    ask = lambda value: d.ask(f"verify {value}", "verify")
    for value in token["token"], token["id"], value_new(), altered(token["token"], 9), "x":
        ask(value)
    d.done(f"revoke {token['id']}")
    ask(token["token"])
    d.create()
    after = d.stats()
    grown = {name: int(after[name]) - int(before[name]) for name in after
             if after[name].isdigit() and after[name] != before[name]}
    assert ({name: grown.get(name, 0) for name in (
           "verify_ok", "verify_identifier", "verify_unknown", "verify_malformed",
           "verify_revoked", "tokens", "changes", "commits")} ==
            {"verify_ok": 1, "verify_identifier": 1, "verify_unknown": 1, "verify_malformed": 2,
             "verify_revoked": 1, "tokens": 1, "changes": 2, "commits": 2})
    assert 8 <= grown["requests"] <= 10, grown
    sane = {"tokens": 2, "store_failures": 0, "denials_unsaved": 0, "journal_oldest": 1,
            "journal_newest": 3}
    assert {name: int(after[name]) for name in sane} == sane
    for name in ("version", "uptime_seconds", "connections", "connections_total",
                 "connections_refused", "table_slots", "table_bytes", "table_generation",
                 "store_bytes", "workers"):
        assert after[name] != "", name
    assert int(after["connections"]) >= 2 and int(after["workers"]) >= 1, after
    assert int(after["store_bytes"]) == os.stat(d.store).st_size
    assert d.done("hello")["version"] == after["version"]


def test_termination_answers_what_was_sent_and_keeps_what_it_answered():
    for _ in range(5):
        with Daemon() as d, d.client() as client, d.client("verify") as idle:
            client.send(*["create"] * 500)
            client.reply()              # it is in the middle of them
            d.signal(signal.SIGTERM)
            made = 1 + sum(r.verdict == "OK" for r in client.replies())
            d.ended(0)
            assert idle.closed() == []
            d.start()
            listed = len(d.list())
            assert listed == made, "every acknowledged create is there, and no other"


def test_termination_ends_watchers_and_lists_in_good_order(daemon):
    d = daemon()
    d.client().pipeline(["create"] * 2000)
    with d.client() as watcher, d.client() as lister, d.client("verify") as half:
        watcher.send("watch after=0")
        watcher.line()
        lister.send("list")
        lister.line()
        half.send_raw(b"verify half")
        eventually(lambda: half.unread_by_peer() == 0, "the half line is read")
        d.signal(signal.SIGTERM)
        for client in watcher, lister:
            reply, = client.closed()
            assert (reply.verdict, len(reply.data) + 1) == ("OK", 2000)
        half.closed()
        d.ended(0)
        d.start()


def test_client_that_does_not_read_cannot_prevent_termination(daemon):
    d = daemon()
    d.client().pipeline(["create description=" + "x" * 900] * 2000)
    rude = d.client()
    rude.send("list", "list", "list")
    rude.line()
    d.stop()
    d.start()
    assert len(d.list()) == 2000


def test_stopping_removes_the_sockets(daemon):
    d = daemon()
    paths = [d.path(role) for role in ("admin", "observe", "verify")]
    assert [stat.S_ISSOCK(os.stat(path).st_mode) for path in paths] == [True] * 3
    assert [oct(os.stat(path).st_mode & 0o777) for path in paths] == ["0o660", "0o660", "0o666"]
    d.signal(signal.SIGINT)
    d.ended(0)
    assert [path for path in paths if os.path.exists(path)] == []
    d.start()


def test_stale_sockets_are_taken_over(daemon):
    d = daemon()
    token = d.create()
    d.kill()
    assert os.path.exists(d.path()), "kill -9 leaves its socket behind"
    d.start()
    assert d.verify(token["token"]) == "OK"


def test_socket_in_use_is_refused_and_left_alone(daemon):
    first = daemon()
    second = daemon()
    second.stop()
    for role in "admin", "observe", "verify":
        done = run_jetond(*second.arguments(), "--set", f"{role}.path={first.path(role)}")
        assert done.returncode == 1, role
        assert first.path(role) in done.stderr, done.stderr
        assert first.client(role).request("ping").verdict == "OK", role
        assert ([name for name in os.listdir(second.directory) if name.endswith(".sock")] ==
                []), "nothing half open is left"
    second.start()


def test_file_that_is_no_socket_is_never_removed(daemon):
    d = daemon()
    d.stop()
    with open(d.path(), "w") as file:
        file.write("precious")
    done = run_jetond(*d.arguments())
    assert done.returncode == 1
    assert d.path() in done.stderr, done.stderr
    with open(d.path()) as file:
        assert file.read() == "precious"
    os.unlink(d.path())
    d.start()


def test_closed_output_does_not_kill_the_daemon(daemon):
    """A peer that closes without reading makes writes fail; that must not raise a signal."""
    d = daemon()
    for _ in range(50):
        with d.client() as client:
            client.send(*["help"] * 50)
    for _ in range(20):
        with d.client() as client:
            client.send("ping", "quit", "ping")
            try:
                client.replies()
            except (Closed, ConnectionResetError):
                pass
    assert d.done("ping").verdict == "OK"
