# SPDX-License-Identifier: Apache-2.0
"""The log ahead of the store: what was answered is there after a kill, with it and never without it."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from daemon import Daemon, run_jetond
from jeton_command import jeton
from refused_writes import saved
from settings import PATIENCE
from small_disk import create_until_refused, fill, small_disk, verdicts
from store_lock import writer_locked_out
from waiting import eventually


def log_of(d):
    return f"{d.store}.wal"


def unsaved(d):
    return int(d.stats()["log_bytes"])


@contextlib.contextmanager
def only_the_log_has_what_is_changed(d):
    """Keep the daemon, which saves what is in its log some seconds later, from writing to the store's file meanwhile."""
    d.done("checkpoint")        # what it does itself to the file, as for a log that is new, is over
    with writer_locked_out(d):
        yield
        if d.process is not None:       # the counter follows the answer
            eventually(lambda: unsaved(d) > 0, "the store's file does not have all changes")


def head_of(d):
    """The first record of the store's file, as TDB's tool shows it."""
    dump = subprocess.run(["tdbdump", "-k", "jeton", d.store], capture_output=True, text=True, check=True).stdout
    return dump.strip()


def killed_with_a_log(d):
    """Make changes that only the log has, and kill the daemon; return the tokens: one is good, one revoked."""
    with only_the_log_has_what_is_changed(d):
        good, revoked = d.create(), d.create()
        d.done(f"revoke {revoked['id']}")
        d.kill()
    return good, revoked


def refused(d, pattern):
    """Check that the daemon neither starts nor passes --check, prints why, and changes neither file."""
    before = [bytes_of(path) for path in (d.store, log_of(d))]
    for more in ("--check",), ():
        done = run_jetond(*d.arguments(), *more)
        assert done.returncode == 1, f"{more}: {done.stdout}{done.stderr}"
        assert re.search(pattern, done.stderr), f"{more}: {done.stderr}"
        assert d.store in done.stderr
    assert [bytes_of(path) for path in (d.store, log_of(d))] == before


def bytes_of(path):
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return file.read()
    return None


def test_changes_that_only_the_log_has_are_there_after_a_kill(daemon):
    d = daemon()
    good, revoked = killed_with_a_log(d)
    assert b"v=2 " in head_of(d).encode(), "an older jetond does not open it"
    for _ in range(3):
        d.start()
        assert [d.verify(t["token"]) for t in (good, revoked)] == ["OK", "NO revoked"]
        assert [line["id"] for line in d.list()] == [good["id"], revoked["id"]]
        assert [entry["event"] for entry in d.done("journal").lines] == ["create", "create", "revoke"]
        d.kill()
    done = run_jetond(*d.arguments(), "--check")
    assert done.returncode == 0 and "2 tokens, 0 bans, journal entries 1 to 3" in done.stdout, done


def test_after_an_end_in_good_order_the_log_is_of_no_use(daemon):
    d = daemon()
    tokens = [d.create() for _ in range(5)]
    d.done(f"revoke {tokens[0]['id']}")
    d.stop()
    assert "v=1 " in head_of(d) and "log=" not in head_of(d), "an older jetond opens it"
    os.unlink(log_of(d))
    d.start()
    assert [d.verify(t["token"]) for t in tokens[:2]] == ["NO revoked", "OK"]
    assert len(d.done("journal").lines) == 6


def test_log_has_another_size_after_an_end_in_good_order(daemon):
    d = daemon()
    token = d.create()
    d.settings = (*d.settings, "daemon.log_size=2M")
    for end, megabytes in (d.kill, 4), (d.stop, 2), (d.kill, 2):
        end()
        d.start()
        assert os.stat(log_of(d)).st_size == (megabytes << 20) + 4096, f"after {end.__name__}()"
        assert os.stat(log_of(d)).st_blocks * 512 > megabytes << 20, "it has its space"
        assert d.verify(token["token"]) == "OK"
        with only_the_log_has_what_is_changed(d):
            assert d.create()["id"] in {line["id"] for line in d.list()}


def test_log_stays_as_it_is_where_there_is_no_space_for_its_new_size(daemon):
    own = f"{small_disk('tmpfs', '20m')}/jeton"
    os.mkdir(own)
    d = daemon(directory=own)
    d.create()
    d.stop()
    d.settings = (*d.settings, "daemon.log_size=32M")
    d.start()
    assert os.stat(log_of(d)).st_size == (4 << 20) + 4096
    with only_the_log_has_what_is_changed(d):
        d.create()


def test_store_whose_log_is_missing_or_anothers_is_refused_and_left_alone(daemon):
    d, other = daemon(), daemon()
    tokens = killed_with_a_log(d)
    killed_with_a_log(other)
    own = f"{d.directory}/own"
    shutil.move(log_of(d), own)
    refused(d, "needs its log.*missing.*--restore")
    shutil.copy(log_of(other), log_of(d))
    refused(d, "needs its log.*another store's.*--restore")
    with open(log_of(d), "wb") as file:
        file.write(bytes(100))
    refused(d, "not a log of jeton")
    shutil.copy(own, log_of(d))
    os.truncate(log_of(d), 1 << 20)
    refused(d, "not whole")
    shutil.move(own, log_of(d))
    d.start()
    assert [d.verify(t["token"]) for t in tokens] == ["OK", "NO revoked"]


def test_log_that_is_older_than_the_store_is_refused(daemon):
    d = daemon()
    d.create()
    d.kill()
    shutil.copy(log_of(d), f"{d.directory}/old")
    d.start()
    d.create()
    d.done("checkpoint")
    d.create()
    d.kill()
    shutil.move(log_of(d), f"{d.directory}/new")
    shutil.move(f"{d.directory}/old", log_of(d))
    refused(d, "is older than")
    shutil.move(f"{d.directory}/new", log_of(d))
    d.start()
    assert len(d.list()) == 3


def test_damage_in_the_log_is_found_and_nothing_is_overwritten(daemon):
    d = daemon()
    with only_the_log_has_what_is_changed(d):
        tokens = [d.create(description=f"number {n}") for n in range(20)]
        d.kill()
    whole = bytes_of(log_of(d))
    at = whole.index(b"number 7")
    with open(log_of(d), "r+b") as file:
        file.seek(at)
        file.write(b"Number 7")
    refused(d, "damaged|missing")
    with open(log_of(d), "wb") as file:
        file.write(whole)
    d.start()
    assert {d.verify(t["token"]) for t in tokens} == {"OK"}


def test_restore_from_a_crashed_store_keeps_what_only_its_log_denies(daemon):
    d = daemon()
    token, other = d.create(), d.create()
    d.done("checkpoint")
    subprocess.run(["tdbbackup", d.store], check=True, timeout=60 * PATIENCE)
    d.done(f"revoke {token['id']}")
    d.done(f"delete {other['id']}")
    d.kill()
    done = run_jetond(*d.arguments(), "--restore", d.store + ".bak")
    assert done.returncode == 0, done.stderr
    d.start()
    assert [d.verify(t["token"]) for t in (token, other)] == ["NO revoked"] * 2


def test_store_whose_log_is_lost_is_restored_as_a_backup_of_itself(daemon):
    d = daemon()
    kept = d.create()
    killed_with_a_log(d)
    os.unlink(log_of(d))
    shutil.move(d.store, f"{d.directory}/rest")
    done = run_jetond(*d.arguments(), "--restore", f"{d.directory}/rest")
    assert done.returncode == 0, done.stderr
    d.start()
    assert [line["id"] for line in d.list()] == [kept["id"]], "what only the log had is lost"


def test_without_a_log_its_rest_is_saved_and_it_is_removed(daemon):
    d = daemon()
    good, revoked = killed_with_a_log(d)
    d.settings = ("daemon.log=no",)
    d.start()
    assert not os.path.exists(log_of(d)) and "v=1 " in head_of(d)
    assert [d.verify(t["token"]) for t in (good, revoked)] == ["OK", "NO revoked"]
    third = d.create()
    assert third["id"] in subprocess.run(["tdbdump", d.store], capture_output=True, text=True, check=True).stdout
    d.kill()
    d.settings = ()
    d.start()
    assert os.path.exists(log_of(d))
    assert [line["id"] for line in d.list()] == [good["id"], revoked["id"], third["id"]]


def test_checkpoint_brings_everything_into_the_stores_file(daemon):
    d = daemon()
    with only_the_log_has_what_is_changed(d):
        made = [d.create() for _ in range(10)]
    done = jeton(d.path(), "--json", "checkpoint")
    assert done.status == 0 and '"serial": 10' in done.out.replace('"serial":10', '"serial": 10'), done.out
    stats = d.stats()
    assert (stats["log_bytes"], stats["log_unsaved_seconds"]) == ("0", "0")
    dump = subprocess.run(["tdbdump", d.store], capture_output=True, text=True, check=True).stdout
    assert all(f"token/{token['id']}" in dump for token in made)
    assert int(d.stats()["checkpoint_seconds_count"]) >= 1


def test_idle_daemon_saves_what_is_logged_within_seconds(daemon):
    d = daemon()
    with only_the_log_has_what_is_changed(d):
        d.create()
    eventually(lambda: unsaved(d) == 0, "it is in the store's file", every=0.05)


def test_changes_go_on_while_the_stores_file_is_locked(daemon):
    d = daemon()
    d.create()
    with writer_locked_out(d) as release, d.client() as waiting:
        waiting.send("checkpoint")
        tokens = [d.create() for _ in range(20)]
        d.done(f"revoke {tokens[0]['id']}")
        assert len(d.list()) == 21 and len(d.done("journal").lines) == 22
        assert d.done(f"show {tokens[1]['id']}").lines[0]["state"] == "active"
        assert waiting.silent(), "a checkpoint waits for the file"
        release()
        assert waiting.reply().verdict == "OK"
    d.done("checkpoint")
    assert unsaved(d) == 0
    assert [d.verify(t["token"]) for t in tokens[:2]] == ["NO revoked", "OK"]


def test_bans_that_only_the_log_has_are_exported_once_and_go(daemon):
    d = daemon()

    def banned():
        return sorted(re.findall(r"\* ban digest=(\w+)", b"\n".join(d.done("export").data).decode()))
    for n in range(60):
        d.done(f"ban digest={n:064x}")
        if n % 20 == 10:
            d.done("checkpoint")
    assert banned() == [f"{n:064x}" for n in range(60)]
    d.kill()
    d.start()
    assert banned() == [f"{n:064x}" for n in range(60)]
    assert d.stats()["bans"] == "60"


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_revocation_on_a_full_disk_is_there_after_a_kill_though_the_disk_stays_full(kind):
    disk = small_disk(kind, "64M")
    os.mkdir(f"{disk}/jeton")
    d = Daemon(directory=f"{disk}/jeton")
    d.log_path = f"{tempfile.gettempdir()}/log"
    with d:
        made = [r["token"] for r in d.client().pipeline(["create"] * 200)]
        d.done("checkpoint")
        fill(f"{disk}/filler")
        reply = d.ask(f"revoke {d.done(f'id {made[0]}')['id']}")
        assert reply.verdict == "OK", "its log has space"
        assert d.stats()["denials_unsaved"] == "0", "and it is saved there"
        d.kill()
        d.start()
        assert d.verify(made[0]) == "NO revoked" and d.verify(made[1]) == "OK"
        os.unlink(f"{disk}/filler")
        d.done("checkpoint")


def test_full_disk_stops_changes_when_the_log_is_used_up_and_they_resume_by_themselves():
    disk = small_disk("ext4", "128M")      # the log, the file, and what a transaction writes beside it
    os.mkdir(f"{disk}/jeton")
    d = Daemon("daemon.log_size=32M", directory=f"{disk}/jeton")
    d.log_path = f"{tempfile.gettempdir()}/log"
    with d:
        made = [r["token"] for r in d.client().pipeline(["create"] * 200)]
        fill(f"{disk}/filler")
        made += create_until_refused(d)
        eventually(lambda: int(d.stats()["checkpoint_failures"]) > 0, "checkpoints fail, and are counted")
        ids = [d.done(f"id {value}")["id"] for value in made[:4]]
        for line in "create", f"update {ids[1]} description=y", f"enable {ids[1]}", f"trace token={made[1]}":
            assert "left of its log is for denials" in d.ask(line)["message"], line
        d.done(f"revoke {ids[0]}")
        d.done(f"disable {ids[3]}")
        ban_until_refused(d)
        count = int(d.stats()["denials_unsaved"])
        assert d.ask(f"revoke {ids[2]}")["message"].startswith("in force now, but not saved")
        assert d.stats()["denials_unsaved"] == str(count + 1)
        os.unlink(f"{disk}/filler")
        saved(d)
        d.create()
        d.kill()
        d.start()
        assert [d.verify(value) for value in made[:4]] == ["NO revoked", "OK", "NO revoked", "NO disabled"]
        assert verdicts(d, made[4:]) == {"OK"}


def ban_until_refused(d):
    with d.client() as client:
        for n in range(200):
            lines = [f"ban digest={n:032x}{m:032x}" for m in range(200)]
            answers = {reply.verdict for reply in client.pipeline(lines)}
            if answers != {"OK"}:
                assert "ERR store" in answers and answers <= {"OK", "ERR store"}
                assert n > 10, "thousands of denials fit"
                return
    raise AssertionError("the log has no bound")


def test_log_is_made_when_there_is_space_for_it():
    disk = small_disk("ext4", "64M")
    os.mkdir(f"{disk}/jeton")
    filler = f"{disk}/filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 30 << 20)
    d = Daemon("daemon.log_size=32M", directory=f"{disk}/jeton")
    d.log_path = f"{tempfile.gettempdir()}/log"
    with d:
        assert "changes are saved without a log" in d.log()
        tokens = [d.create()]
        assert not os.path.exists(log_of(d)) and unsaved(d) == 0
        os.unlink(filler)
        eventually(lambda: os.path.exists(log_of(d)), "it has a log", within=30, every=0.05)
        with only_the_log_has_what_is_changed(d):
            tokens.append(d.create())
        d.kill()
        d.start()
        assert verdicts(d, [token["token"] for token in tokens]) == {"OK"}


def test_log_that_was_moved_away_is_given_up_and_another_is_made(daemon):
    d = daemon()
    tokens = [d.create() for _ in range(3)]
    shutil.move(log_of(d), f"{d.directory}/away")
    eventually(lambda: (tokens.append(d.ask("create")) or tokens[-1].verdict) == "ERR store", "it is noticed", every=0.1)
    tokens.pop()
    eventually(lambda: tokens.append(d.ask("create")) or tokens[-1].verdict == "OK" or tokens.pop() and False,
               "changes go on in the store's file", every=0.1)
    d.kill()
    d.start()
    assert verdicts(d, [token["token"] for token in tokens]) == {"OK"}
    assert len(d.list()) == len(tokens)


def test_upgrade_and_back_keeps_tokens_and_journal(daemon):
    d = daemon("daemon.log=no")
    made = [d.create(description="before", scopes="a,b") for _ in range(5)]
    for line in f"revoke {made[0]['id']}", f"disable {made[1]['id']}", f"delete {made[2]['id']}":
        d.done(line)
    shown = all_of(d)
    d.kill_unseen()
    before = head_of(d)
    d.settings = ()
    d.start()
    assert all_of(d) == shown
    made += [d.create(description="with a log") for _ in range(5)]
    for line in f"revoke {made[3]['id']}", f"revoke {made[5]['id']}", f"update {made[6]['id']} description=x":
        d.done(line)
    shown = all_of(d)
    d.stop()
    assert head_of(d) == before, "as a version without a log left it"
    d.settings = ("daemon.log=no",)
    for _ in range(2):
        d.start()
        assert all_of(d) == shown
        d.kill_unseen()
    d.start()


def all_of(d):
    """Return tokens, journal and what is exported, with all dates."""
    return d.list(), d.done("journal").lines, sorted(d.done("export").data[1:])
