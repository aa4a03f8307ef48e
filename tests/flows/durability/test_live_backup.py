# SPDX-License-Identifier: Apache-2.0
"""jeton backup: a consistent copy of the store, while the daemon changes it."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

import pytest

from backups import UNFINISHED, backup, copies, files, opened, raw
from daemon import Daemon, run_jetond
from filled_store import fill as fill_store
from jeton_command import jeton
from settings import PATIENCE, scaled
from small_disk import fill, small_disk
from store_lock import writer_locked_out
from waiting import eventually

LOGS = pytest.mark.parametrize("log", ["yes", "no"])


class Load:
    """Creates and revokes as fast as they go, each of which is known once it was answered."""

    def __init__(self, d, subject):
        self.client = d.client(patience=60)
        self.subject = subject
        self.answered = []      # (event, id)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            made = self.client.pipeline([f"create subject={self.subject}"] * 50)
            assert {reply.verdict for reply in made} == {"OK"}
            self.answered += [("create", reply["id"]) for reply in made]
            ids = [reply["id"] for reply in made[::5]]
            assert {reply.verdict for reply in self.client.pipeline([f"revoke {i}" for i in ids])} == {"OK"}
            self.answered += [("revoke", i) for i in ids]

    def end(self):
        self.stopping = True
        self.thread.join(60 * PATIENCE)
        assert not self.thread.is_alive()
        self.client.close()


@contextlib.contextmanager
def loaded(d, count=3):
    loads = [Load(d, f"load{n}") for n in range(count)]
    try:
        eventually(lambda: all(len(load.answered) > 200 for load in loads), "there is a load")
        yield loads
    finally:
        for load in loads:
            load.end()


def replayed(entries):
    """The states of tokens that these entries make."""
    states = {}
    for entry in entries:
        if entry["event"] in ("create", "revoke"):
            states[entry["id"]] = {"create": "active", "revoke": "revoked"}[entry["event"]]
    return states


@pytest.mark.slow
@pytest.mark.timeout(120)
@LOGS
def test_backup_under_full_load_is_a_prefix_of_history_with_all_that_was_answered_before(daemon, log):
    d = daemon(f"daemon.log={log}", "daemon.journal_entries=1000000")
    d.stop()
    os.unlink(d.store)
    fill_store(d.store, [os.urandom(32).hex() for _ in range(scaled(20000, 500))])
    d.start()
    taken = []
    with loaded(d) as loads:
        for n in range(3):
            before = {change for load in loads for change in load.answered[:]}
            path, serial = backup(d, f"{d.directory}/backup{n}")
            taken.append((before, path, serial))
            reached = [len(load.answered) for load in loads]
            eventually(lambda: [len(load.answered) for load in loads] > reached, "the load goes on")
    history = d.done("journal").lines
    for before, path, serial in taken:
        done = run_jetond(*d.arguments(), "--set", f"daemon.store={path}", "--check", within=60)
        assert done.returncode == 0, done.stderr
        with opened(path) as other:
            entries = other.done("journal").lines
            first = int(history[0]["serial"])
            assert raw(entries) == raw(history[:serial + 1 - first]), "it is a prefix"
            assert [int(entry["serial"]) for entry in entries] == list(range(first, serial + 1))
            assert before <= {(entry["event"], entry["id"]) for entry in entries}
            states = {line["id"]: line["state"] for line in other.list() if "subject" in line}
            assert states == replayed(entries), "tokens and journal are of one moment"
    assert taken[-1][2] > taken[0][2], "the load went on"
    eventually(lambda: copies(d) == [], "no copy is left")


@LOGS
def test_restored_backup_serves_the_same_tokens_journal_and_dates(daemon, log):
    d, other = daemon(f"daemon.log={log}"), daemon()
    made = {name: d.create(description=name, subject="ann", scopes="a,b") for name in
            ("good", "revoked", "disabled", "deleted", "rotated")}
    for change in "revoke", "disable", "delete", "rotate":
        d.done(f"{change} {made[change + 'd']['id']}")
    d.done("ban digest=" + "5" * 64)
    tokens, journal = raw(d.list()), raw(d.done("journal").lines)
    exported = sorted(d.done("export").data)
    expected = {name: d.verify(token["token"]) for name, token in made.items()}
    assert set(expected.values()) >= {"OK", "NO revoked", "NO disabled"}
    path, serial = backup(d)
    assert serial == len(journal)
    assert "token/" in subprocess.run(["tdbdump", path], capture_output=True, text=True, check=True).stdout
    head = subprocess.run(["tdbdump", "-k", "jeton", path], capture_output=True, text=True, check=True).stdout
    assert head.startswith("v=1 ") and "log=" not in head, "it needs no log, and older versions open it"
    done = run_jetond(*d.arguments(), "--set", f"daemon.store={path}", "--check")
    assert done.returncode == 0 and f"journal entries 1 to {serial}" in done.stdout, done
    other.stop()
    os.unlink(other.store)
    done = run_jetond(*other.arguments(), "--restore", path)
    assert done.returncode == 0, done.stderr
    other.start()
    assert raw(other.list()) == tokens and raw(other.done("journal").lines) == journal
    assert sorted(other.done("export").data) == exported
    assert {name: other.verify(token["token"]) for name, token in made.items()} == expected
    assert other.done("hello")["epoch"] != d.done("hello")["epoch"]
    with opened(path) as third:
        assert raw(third.list()) == tokens and raw(third.done("journal").lines) == journal


def test_changes_go_on_while_a_backup_waits_for_the_disk_and_are_not_in_it_by_half(daemon):
    d = daemon()
    before = [d.create() for _ in range(5)]
    with writer_locked_out(d) as release, d.client() as client:
        client.send("backup")
        eventually(lambda: copies(d), "it has begun")
        after = [d.create() for _ in range(20)]
        d.done(f"revoke {before[0]['id']}")
        assert [d.verify(token["token"]) for token in (before[0], after[0])] == ["NO revoked", "OK"]
        assert len(d.list()) == 25 and client.silent()
        release()
        data, descriptors, _, _ = socket.recv_fds(client.sock, 8192, 4)
    assert data.startswith(b"OK size=") and len(descriptors) == 1
    with open(descriptors[0], "rb") as source, open(f"{d.directory}/backup", "wb") as target:
        with pytest.raises(OSError):
            os.write(source.fileno(), b"x")
        target.write(source.read())
    serial = int(re.search(rb" serial=(\d+) ", data)[1])
    with opened(target.name) as other:
        assert raw(other.done("journal").lines) == raw(d.done("journal").lines)[:serial]
        assert len(other.list()) == min(serial, 25) >= 5


def test_second_backup_at_once_is_busy_and_the_first_is_made(daemon):
    d = daemon()
    d.create()
    with writer_locked_out(d) as release, d.client() as first:
        first.send("backup")
        eventually(lambda: copies(d), "it has begun")
        reply = d.ask("backup")
        assert reply.verdict == "ERR busy" and "another backup is being made" in reply["message"]
        done = jeton(d.path(), "backup", f"{d.directory}/backup")
        assert done.status == 3 and done.err.startswith("jeton: busy: another backup"), done
        release()
        assert first.reply().verdict == "OK"
    backup(d)
    backup(d)


def test_client_that_does_not_read_holds_nothing_but_its_copy(daemon):
    d = daemon()
    with d.client() as slow:
        slow.send("backup")
        eventually(lambda: not slow.silent(), "it has a reply")
        tokens = [d.create() for _ in range(20)]
        d.done("checkpoint")
        reply = d.ask("backup")
        assert reply.verdict == "ERR busy" and "the copy of the last backup is being read" in reply["message"]
    eventually(lambda: copies(d) == [], "its space is free")
    path, serial = backup(d)
    assert serial == len(tokens)


@LOGS
def test_client_that_vanishes_leaves_nothing(daemon, log):
    d = daemon(f"daemon.log={log}")
    for n in range(20):
        d.create()
        with d.client() as client:
            client.send("backup")
            d.client().pipeline(["ping"] * (10 * n))    # it is at another point of it each time
    eventually(lambda: copies(d) == [], "its space is free")
    eventually(lambda: jeton(d.path(), "backup", f"{d.directory}/backup").status == 0, "another can be made")
    assert not [name for name in files(d) if UNFINISHED in name]


def test_kill_during_a_backup_leaves_nothing(daemon):
    d = daemon()
    tokens = [d.create() for _ in range(20)]
    d.done("checkpoint")
    before = files(d)
    for _ in range(3):
        with writer_locked_out(d), d.client() as client:
            client.send("backup")
            eventually(lambda: any(name.endswith(" (deleted)") for name in copies(d)), "it has begun, without a name")
            d.kill()
        assert files(d) == before, "its copy had no name"
        d.start()
    with open(f"{d.store}.{UNFINISHED}", "w"):
        pass
    d.kill()
    d.start()
    assert files(d) == before, "the name of an empty one is removed"
    with open(f"{d.store}.{UNFINISHED}", "w") as file:
        file.write("somebody's")
    d.restart()
    assert files(d) - before == {f"tokens.tdb.{UNFINISHED}"}, "what is not ours is not touched"
    assert "File exists" in jeton(d.path(), "backup", f"{d.directory}/backup").err
    os.unlink(file.name)
    backup(d)
    assert {d.verify(token["token"]) for token in tokens} == {"OK"}


def test_stop_during_a_backup_is_prompt_and_saves_everything(daemon):
    d = daemon()
    with writer_locked_out(d) as release, d.client() as client:
        token = d.create()
        client.send("backup")
        eventually(lambda: copies(d), "it has begun")
        d.signal(signal.SIGTERM)
        release()
        d.ended(0)
    d.start()
    assert d.verify(token["token"]) == "OK"


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
@LOGS
def test_without_space_a_backup_fails_cleanly_and_the_daemon_goes_on(kind, log):
    disk = small_disk(kind, "100M")
    os.mkdir(f"{disk}/jeton")
    d = Daemon(f"daemon.log={log}", directory=f"{disk}/jeton")
    d.log_path = f"{tempfile.gettempdir()}/log"
    target = f"{tempfile.gettempdir()}/backup"
    with d:
        token, other = d.create(), d.create()
        before = files(d)
        fill(f"{disk}/filler")
        os.truncate(f"{disk}/filler", os.path.getsize(f"{disk}/filler") - (4 << 20))
        done = jeton(d.path(), "backup", target)
        assert done.status == 3 and "No space left on device; make space for it beside the store" in done.err, done
        assert not os.path.exists(target) and files(d) == before
        eventually(lambda: copies(d) == [], "its space is free")
        d.done(f"revoke {token['id']}")
        assert [d.verify(t["token"]) for t in (token, other)] == ["NO revoked", "OK"]
        os.unlink(f"{disk}/filler")
        backup(d, target)


def test_backup_where_files_can_be_cloned_is_the_same():
    disk = small_disk("btrfs", "300M")
    os.mkdir(f"{disk}/jeton")
    d = Daemon(directory=f"{disk}/jeton")
    d.log_path = f"{tempfile.gettempdir()}/log"
    with d, loaded(d, 1):
        path, serial = backup(d, f"{tempfile.gettempdir()}/backup")
        history = raw(d.done("journal").lines)
        with opened(path) as other:
            assert raw(other.done("journal").lines) == history[:serial]
