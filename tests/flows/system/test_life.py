# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping, sockets and figures."""
import os
import signal
import stat

from client import Closed
from harness import Daemon, claim, command, eventually, same
from value import altered, value_new


@claim
def stats_count_what_happened():
    with Daemon() as d:
        token = d.create()
        before = d.stats()
        for value in token["token"], token["id"], value_new(), altered(token["token"], 9), "x":
            d.verify(value)
        d.done(f"revoke {token['id']}")
        d.verify(token["token"])
        d.create()
        after = d.stats()
        grown = {name: int(after[name]) - int(before[name]) for name in after
                 if after[name].isdigit() and after[name] != before[name]}
        same({name: grown.get(name, 0) for name in (
            "verify_ok", "verify_identifier", "verify_unknown", "verify_malformed",
            "verify_revoked", "tokens", "changes", "commits")},
             {"verify_ok": 1, "verify_identifier": 1, "verify_unknown": 1, "verify_malformed": 2,
              "verify_revoked": 1, "tokens": 1, "changes": 2, "commits": 2})
        assert 8 <= grown["requests"] <= 10, grown
        sane = {"tokens": 2, "store_failures": 0, "denials_unsaved": 0, "journal_oldest": 1,
                "journal_newest": 3}
        same({name: int(after[name]) for name in sane}, sane)
        for name in ("version", "uptime_seconds", "connections", "connections_total",
                     "connections_refused", "table_slots", "table_bytes", "table_generation",
                     "store_bytes", "workers"):
            assert after[name] != "", name
        assert int(after["connections"]) >= 2 and int(after["workers"]) >= 1, after
        same(int(after["store_bytes"]), os.stat(d.store).st_size)
        same(d.done("hello")["version"], after["version"])


@claim
def termination_answers_what_was_sent_and_keeps_what_it_answered():
    for _ in range(5):
        with Daemon() as d, d.client() as client, d.client("verify") as idle:
            client.send(*["create"] * 500)
            client.reply()              # it is in the middle of them
            d.signal(signal.SIGTERM)
            made = 1 + sum(r.verdict == "OK" for r in client.replies())
            d.ended(0)
            same(idle.closed(), [])
            d.start()
            listed = len(d.list())
            same(listed, made, "every acknowledged create is there, and no other")


@claim
def termination_ends_watchers_and_lists_in_good_order():
    with Daemon() as d:
        d.client().pipeline(["create"] * 2000, within=30)
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
                same((reply.verdict, len(reply.data) + 1), ("OK", 2000))
            half.closed()
            d.ended(0)
            d.start()


@claim
def client_that_does_not_read_cannot_prevent_termination():
    with Daemon() as d:
        d.client().pipeline(["create description=" + "x" * 900] * 2000, within=30)
        rude = d.client()
        rude.send("list", "list", "list")
        rude.line()
        d.stop()
        d.start()
        same(len(d.list()), 2000)


@claim
def stopping_removes_the_sockets():
    with Daemon() as d:
        paths = [d.path(role) for role in ("admin", "observe", "verify")]
        same([stat.S_ISSOCK(os.stat(path).st_mode) for path in paths], [True] * 3)
        same([oct(os.stat(path).st_mode & 0o777) for path in paths], ["0o660", "0o660", "0o666"])
        d.signal(signal.SIGINT)
        d.ended(0)
        same([path for path in paths if os.path.exists(path)], [])
        d.start()


@claim
def stale_sockets_are_taken_over():
    with Daemon() as d:
        token = d.create()
        d.kill()
        assert os.path.exists(d.path()), "kill -9 leaves its socket behind"
        d.start()
        same(d.verify(token["token"]), "OK")


@claim
def socket_in_use_is_refused_and_left_alone():
    with Daemon() as first, Daemon() as second:
        second.stop()
        for role in "admin", "observe", "verify":
            done = command(*second.arguments(), "--set", f"{role}.path={first.path(role)}")
            same(done.returncode, 1, role)
            assert first.path(role) in done.stderr, done.stderr
            same(first.client(role).request("ping").verdict, "OK", role)
            same([name for name in os.listdir(second.directory) if name.endswith(".sock")], [],
                 "nothing half open is left")
        second.start()


@claim
def file_that_is_no_socket_is_never_removed():
    with Daemon() as d:
        d.stop()
        with open(d.path(), "w") as file:
            file.write("precious")
        done = command(*d.arguments())
        same(done.returncode, 1)
        assert d.path() in done.stderr, done.stderr
        with open(d.path()) as file:
            same(file.read(), "precious")
        os.unlink(d.path())
        d.start()


@claim
def closed_output_does_not_kill_the_daemon():
    """A peer that closes without reading makes writes fail; that is no signal."""
    with Daemon() as d:
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
        same(d.done("ping").verdict, "OK")
