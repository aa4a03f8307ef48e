# SPDX-License-Identifier: Apache-2.0
"""The journal, and watching it: every entry once, in order, whatever happens in between."""
import os
import threading
import time

import pytest

from client import Closed, Fields
from settings import scaled
from waiting import eventually


def serials(lines):
    return [int(line["serial"]) for line in lines]


def test_journal_tells_who_did_what_when(daemon):
    d = daemon()
    token = d.create(description="a b", subject="ann", scopes="x", ttl="1h", delay="1m")
    ident = token["id"]
    d.done(f"disable {ident}")
    d.done(f"enable {ident}")
    d.done(f"update {ident} subject=bob")
    new = d.done(f"rotate {ident}")
    d.done(f"revoke {new['id']}")
    d.done(f"delete {ident}")
    d.done(f"import digest={'cd' * 32} created=2020-01-01T00:00:00Z")
    entries = d.done("journal").lines
    assert serials(entries) == list(range(1, 10))
    assert ([(e["event"], e["id"]) for e in entries] ==
            [("create", ident), ("disable", ident), ("enable", ident), ("update", ident),
             ("rotate", new["id"]), ("revoke", ident), ("revoke", new["id"]), ("delete", ident),
             ("import", "cd" * 10)])
    assert {e["by"] for e in entries} == {f"uid:{os.getuid()}"}
    assert {int(e["pid"]) for e in entries} == {os.getpid()}
    assert ({key: entries[0][key] for key in ("description", "subject", "scopes", "expires")} ==
            {"description": "a b", "subject": "ann", "scopes": "x", "expires": token["expires"]})
    assert entries[4]["replaces"] == ident
    assert entries[3]["subject"] == "bob"


def test_rotation_leaves_an_entry_of_the_old_tokens_end(daemon):
    d = daemon()
    at_once, later, sooner = d.create(subject="ann"), d.create(subject="bob"), d.create(ttl="1h")
    news = [d.done(f"rotate {token['id']}{grace}")
            for token, grace in ((at_once, ""), (later, " grace=1h"), (sooner, " grace=2h"))]
    entries = d.done("journal after=3").lines
    assert ([(e["event"], e["id"], e.get("replaces"), e.get("subject")) for e in entries] ==
            [("rotate", news[0]["id"], at_once["id"], "ann"), ("revoke", at_once["id"], None, "ann"),
             ("rotate", news[1]["id"], later["id"], "bob"), ("update", later["id"], None, "bob"),
             ("rotate", news[2]["id"], sooner["id"], None)])
    assert entries[3]["expires"] == d.done(f"show {later['id']}").lines[0]["expires"]
    d.restart()
    assert d.done("journal after=3").lines == entries


def test_entry_of_an_import_has_what_it_replaces_and_its_denials(daemon):
    d = daemon()
    given = {"digest": "cd" * 32, "created": "2020-01-01T00:00:00Z", "replaces": "ab" * 10,
             "revoked": "2020-01-03T00:00:00Z", "disabled": "2020-01-02T00:00:00Z"}
    d.done("import " + " ".join(f"{key}={value}" for key, value in given.items()))
    d.done(f"import digest={'ef' * 32} state=disabled")
    first, second = d.done("journal").lines
    assert {key: first[key] for key in ("replaces", "revoked", "disabled")} == {
        key: given[key] for key in ("replaces", "revoked", "disabled")}
    assert second["disabled"] == second["time"] and "revoked" not in second


def test_what_changes_nothing_leaves_no_entry(daemon):
    d = daemon()
    token = d.create()
    d.done(f"revoke {token['id']}")
    d.done(f"revoke {token['id']}")
    d.ask(f"enable {token['id']}")
    d.ask("delete " + "0" * 20)
    d.verify(token["token"])
    assert [e["event"] for e in d.done("journal").lines] == ["create", "revoke"]


def test_journal_pages_by_serial(daemon):
    d = daemon()
    d.client().pipeline(["create"] * 1000)
    for limit in 1, 7, 300, 999:
        reply = d.done(f"journal limit={limit}")
        assert ((serials(reply.lines), reply["count"], reply["next"]) ==
                (list(range(1, limit + 1)), str(limit), str(limit)))
    found, after = [], 0
    while True:
        reply = d.done(f"journal after={after} limit=170")
        found += serials(reply.lines)
        if "next" not in reply:
            break
        after = reply["next"]
    assert found == list(range(1, 1001))
    epoch = d.done("hello")["epoch"]
    assert d.done("journal after=1000").final.raw == f"OK count=0 epoch={epoch}"
    assert d.ask("journal after=5000").verdict == "ERR gone", "a serial that never was"
    for bad in "after=x", "after=-1", "limit=0", "limit=x":
        assert d.ask(f"journal {bad}").verdict == "ERR bad-value", bad


def test_trimmed_journal_reports_what_is_gone(daemon):
    d = daemon("daemon.journal_entries=100")
    d.client().pipeline(["create"] * scaled(4000, 2500))
    entries = serials(d.done("journal").lines)
    oldest, newest = entries[0], entries[-1]
    assert oldest > 1 and newest - oldest + 1 >= 100, (oldest, newest)
    assert entries == list(range(oldest, newest + 1))
    for verb in "journal", "watch":
        reply = d.ask(f"{verb} after={oldest - 2}")
        assert (reply.verdict, reply["oldest"]) == ("ERR gone", str(oldest)), verb
    assert serials(d.done(f"journal after={oldest - 1}").lines) == entries
    stats = d.stats()
    assert (stats["journal_oldest"], stats["journal_newest"]) == (str(oldest), str(newest))
    d.restart()
    assert serials(d.done("journal").lines) == entries, "the same after a restart"


def test_watch_shows_entries_as_they_come_and_ends_with_the_next_request(daemon):
    d = daemon()
    with d.client() as watcher:
        made = [d.create()["id"]]
        watcher.send("watch")

        def first_seen():
            made.append(d.create()["id"])
            return not watcher.silent()
        eventually(first_seen, "the watch has begun")
        made += [d.create()["id"] for _ in range(3)]
        seen = [Fields(watcher.line()[2:])]
        assert int(seen[0]["serial"]) > 1, "without after=, only what is new"
        while int(seen[-1]["serial"]) < len(made):
            seen.append(Fields(watcher.line()[2:]))
        assert [e["id"] for e in seen] == made[int(seen[0]["serial"]) - 1:]
        watcher.send("ping")
        end, pong = watcher.reply(), watcher.reply()
        assert (end.verdict, end["count"], end["next"]) == ("OK", str(len(seen)), str(len(made)))
        assert pong.final.raw == "OK"
        assert ([r.verdict for r in watcher.pipeline(["watch after=0", "list", "watch", "ping"])] ==
                ["OK"] * 4)


def test_watch_ends_at_end_of_input_with_all_that_is_there(daemon):
    d = daemon()
    d.client().pipeline(["create"] * 1000)
    for after, count in (0, 1000), (990, 10), (1000, 0):
        with d.client("observe") as watcher:
            watcher.send(f"watch after={after}")
            watcher.finish()
            reply, = watcher.replies()
            assert ((len(reply.data), reply["count"], reply["next"]) ==
                    (count, str(count), "1000")), f"after={after}"


class Watcher(threading.Thread):
    """Watch, and connect again with the last serial seen whenever the connection ends."""

    def __init__(self, daemon, upto):
        super().__init__(daemon=True)
        self.jetond = daemon
        self.upto = upto
        self.seen = []
        self.fault = None
        self.connections = 0

    def run(self):
        while not self.seen or self.seen[-1] < self.upto:
            try:
                self.watch_once()
            except (Closed, ConnectionError, FileNotFoundError, ValueError):
                time.sleep(0.005)       # it is being started again; a kill may cut a line off
            except Exception as fault:
                self.fault = fault
                return

    def watch_once(self):
        with self.jetond.client("observe") as client:
            self.connections += 1
            client.send(f"watch after={self.seen[-1] if self.seen else 0}")
            while not self.seen or self.seen[-1] < self.upto:
                line = client.line()
                if line.startswith(b"* serial="):
                    self.seen.append(int(line.split()[1][7:]))
                elif not line.startswith(b"OK"):
                    raise AssertionError(line)


@pytest.mark.slow
def test_watchers_see_every_entry_once_across_restarts_kills_and_concurrent_changes(daemon):
    rounds, each = 6, scaled(400, 50)
    d = daemon()
    watchers = [Watcher(d, upto=rounds * each * 2) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for number in range(rounds):
        halves = d.client(), d.client()
        for client in halves:
            client.send(*["create"] * each)
        for client in halves:
            for _ in range(each):
                assert client.reply().verdict == "OK"
        eventually(lambda: all(watcher.seen or watcher.fault for watcher in watchers), "they have begun")
        if number % 2:
            d.kill()
        else:
            d.stop()
        d.start()
    for watcher in watchers:
        eventually(lambda: not watcher.is_alive(), "the watcher has seen all")
        if watcher.fault:
            raise watcher.fault
        assert watcher.seen == list(range(1, rounds * each * 2 + 1)), "each once, in order"
        assert watcher.connections > 1


def test_watcher_that_does_not_read_holds_nobody_up(daemon):
    d = daemon()
    with d.client("observe") as watcher:
        watcher.send("watch after=0")
        count = scaled(2000, 1000)
        d.client().pipeline(["create description=" + "x" * 500] * count, within=60)
        assert d.done("ping").verdict == "OK"
        watcher.finish()
        reply = watcher.reply(within=60)
        assert serials(reply.lines) == list(range(1, count + 1)), "and misses nothing"
