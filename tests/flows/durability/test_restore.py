# SPDX-License-Identifier: Apache-2.0
"""jetond --restore: a backup takes the store's place, and what was denied since stays denied."""
import glob
import os
import re
import resource
import shutil
import subprocess

import pytest

from daemon import Daemon, run_jetond
from settings import BUILD, JETOND, PATIENCE
from value import id_of
from waiting import eventually


def backup_of(d):
    if d.process is not None:
        d.done("checkpoint")
    subprocess.run(["tdbbackup", d.store], check=True, timeout=60)
    return d.store + ".bak"


def restore(d, backup, **options):
    done = subprocess.run([JETOND, *d.arguments(), "--restore", backup], capture_output=True,
                          text=True, timeout=60 * PATIENCE, **options)
    for line in done.stdout.splitlines():
        print(line)
    return done


def restored(d, backup, **options):
    done = restore(d, backup, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def left_in(d):
    return {os.path.basename(path) for path in glob.glob(f"{d.directory}/tokens.tdb*")}


def test_restore_keeps_every_denial_of_the_store_it_replaces(daemon):
    d = daemon()
    made = {name: d.create(description=name, scopes="a") for name in
            ("revoked", "disabled", "deleted", "graced", "rotated", "shortened", "updated", "both",
             "denied before", "untouched")}
    ids = {name: token["id"] for name, token in made.items()}
    d.done(f"revoke {ids['denied before']}")
    backup = backup_of(d)
    d.done(f"revoke {ids['revoked']}")
    d.done(f"disable {ids['disabled']}")
    d.done(f"disable {ids['both']}")
    d.done(f"revoke {ids['both']}")
    d.done(f"delete {ids['deleted']}")
    d.done(f"rotate {ids['graced']} grace=1h")
    d.done(f"rotate {ids['rotated']}")
    d.done(f"update {ids['shortened']} expires=2099-01-01T00:00:00Z")
    d.done(f"update {ids['updated']} description=new scopes=b")
    foreign, halted, later = "issued-elsewhere-" * 2, "halted-elsewhere-" * 2, d.create()
    d.done(f'import token="{foreign}" state=revoked')
    d.done(f'import token="{halted}" state=disabled')
    before = d.done("hello")["epoch"]
    d.stop()
    old = bytes_of(d.store)
    output = restored(d, backup)
    assert re.search(r": 10 tokens restored from ", output)
    total, *parts = re.search(r"^denials kept: (\d+) \(revoked: (4), disabled: (2), with an earlier end: (2), "
                              r"deleted, now revoked: (1), bans: (\d+)\)$", output, re.M).groups()
    assert int(total) == sum(map(int, parts))
    aside = re.search(r"was replaced: (\S+)$", output, re.M)[1]
    assert bytes_of(aside) == old, "the store that was replaced is kept"
    d.start()
    assert d.done("hello")["epoch"] == re.search(r"epoch begins: (\w+)", output)[1] != before
    expected = {"revoked": "NO revoked", "disabled": "NO disabled", "deleted": "NO revoked",
                "graced": "OK", "rotated": "NO revoked", "shortened": "OK", "updated": "OK",
                "both": "NO revoked", "denied before": "NO revoked", "untouched": "OK"}
    assert {name: d.verify(token["token"]) for name, token in made.items()} == expected
    assert d.verify(foreign) == "NO revoked" and d.verify(halted) == "NO disabled"
    assert d.verify(later["token"]) == "NO unknown", "what was created since is not in the backup"
    shown = {line.get("description"): line for line in d.list()}
    assert "expires" in shown["graced"]
    assert shown["shortened"]["expires"] == "2099-01-01T00:00:00Z"
    assert shown["updated"]["scopes"] == "a", "claims are those of the backup"
    entries = d.done("journal after=11").lines
    assert {line["by"] for line in entries} == {f"uid:{os.getuid()}"}
    assert d.ask(f"watch after={before}:1").verdict == "ERR gone"
    for line in entries:
        assert line["event"] in ("revoke", "disable", "update", "import")


def test_restore_again_keeps_what_was_denied_after_the_first(daemon):
    d = daemon()
    first, second, third = (d.create() for _ in range(3))
    backup = backup_of(d)
    d.done(f"delete {first['id']}")
    d.stop()
    restored(d, backup)
    d.start()
    d.done(f"delete {first['id']}")
    d.done(f"delete {second['id']}")
    d.stop()
    assert "now revoked: 2," in restored(d, backup)
    d.start()
    assert [d.verify(token["token"]) for token in (first, second, third)] == [
        "NO revoked", "NO revoked", "OK"]


def test_restore_denies_more_tokens_than_one_transaction_holds(daemon):
    d = daemon()
    replies = d.client().pipeline(["create"] * 2500)
    backup = backup_of(d)
    d.client().pipeline([f"revoke {reply['id']}" for reply in replies])
    d.stop()
    assert "denials kept: 2500 (revoked: 2500," in restored(d, backup)
    d.start()
    assert {line["state"] for line in d.list()} == {"revoked"}


def test_restore_refuses_while_a_daemon_has_the_store(daemon):
    d = daemon()
    token = d.create()
    backup = backup_of(d)
    d.done(f"revoke {token['id']}")
    d.done("checkpoint")        # and not by itself in between
    before = bytes_of(d.store)
    done = restore(d, backup)
    assert done.returncode == 1 and "in use by another jetond" in done.stderr
    assert bytes_of(d.store) == before and not glob.glob(d.store + ".re*")
    assert d.verify(token["token"]) == "NO revoked"


def damage_journal(path):
    data = bytearray(bytes_of(path))
    at = data.index(b"serial=1 ")
    data[at:at + 6] = b"SERIAL"
    with open(path, "wb") as file:
        file.write(data)


def test_restore_changes_nothing_if_it_cannot_succeed(daemon):
    d = daemon()
    token = d.create()
    backup = backup_of(d)
    d.done(f"revoke {token['id']}")
    d.stop()
    before, names = bytes_of(d.store), left_in(d)
    damaged = f"{d.directory}/damaged"
    shutil.copy(backup, damaged)
    damage_journal(damaged)
    with open(f"{d.directory}/text", "w") as file:
        file.write("no TDB file\n")
    for bad in damaged, f"{d.directory}/text", f"{d.directory}/none", d.directory, d.store:
        done = restore(d, bad)
        assert done.returncode == 1 and os.path.basename(bad) in done.stderr, done.stderr
        assert ".restored" not in done.stderr, "the copy is gone, and nobody's concern"
        assert (bytes_of(d.store), left_in(d)) == (before, names), bad
    few = os.path.getsize(backup) // 2
    done = restore(d, backup,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (few, few)))
    assert done.returncode == 1 and "cannot write" in done.stderr
    assert (bytes_of(d.store), left_in(d)) == (before, names)
    d.start()
    assert d.verify(token["token"]) == "NO revoked"


def test_restore_over_a_damaged_store_says_that_its_denials_would_be_lost(daemon):
    d = daemon()
    token = d.create()
    backup = backup_of(d)
    d.stop()
    damage_journal(d.store)
    before = bytes_of(d.store)
    done = restore(d, backup)
    assert done.returncode == 1 and "cannot be kept" in done.stderr and "move it away" in done.stderr
    assert bytes_of(d.store) == before
    os.rename(d.store, f"{d.directory}/damaged")
    assert "there was no store whose denials could be kept" in restored(d, backup)
    assert not glob.glob(d.store + ".re*")
    d.start()
    assert d.verify(token["token"]) == "OK"


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
@pytest.mark.parametrize("store", [True, False])
def test_restore_by_root_leaves_files_to_the_owner_of_the_store(store):
    with Daemon(uid=12345) as d:
        token = d.create()
        backup = shutil.move(backup_of(d), f"{os.path.dirname(d.directory)}/backup-of-root")
        os.chmod(backup, 0o600)
        d.stop()
        if not store:
            os.unlink(d.store)
        restored(d, backup)
        for name in left_in(d):
            st = os.stat(f"{d.directory}/{name}")
            assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (12345, 12345, 0o600), name
        d.start()
        assert d.verify(token["token"]) == "OK"


def test_restore_option_needs_a_file():
    done = run_jetond("--restore")
    assert done.returncode == 2 and "--restore" in done.stderr


def digest_of(d, ident):
    """Return the whole digest, which only an export shows."""
    return next(line["digest"] for line in d.done("export").lines if line["digest"].startswith(ident))


def test_restore_keeps_bans_and_denies_their_tokens_whatever_the_history():
    with Daemon() as d, Daemon() as other:
        banned, ended, untouched = (d.create() for _ in range(3))
        digests = [digest_of(d, token["id"]) for token in (banned, ended)] + ["ab" * 32]
        backup = backup_of(d)
        other.stop()
        for digest, until in zip(digests, ("", " until=2099-01-01T00:00:00Z", "")):
            subprocess.run(["tdbtool", other.store, "store", f"ban/{digest}",
                            f"v=1 banned=2026-11-01T00:00:00Z by=uid:0{until}"], check=True,
                           stdout=subprocess.DEVNULL, timeout=20)
        output = restored(other, backup)
        assert "now revoked: 2, bans: 3)" in output
        other.start()
        assert [other.verify(token["token"]) for token in (banned, ended, untouched)] == [
            "NO revoked", "NO revoked", "OK"]
        dump = subprocess.run(["tdbdump", other.store], capture_output=True, text=True, check=True)
        for digest in digests:
            assert f"ban/{digest}" in dump.stdout
        assert "until=2099-01-01T00:00:00Z" in dump.stdout


JWS = "head" * 12 + "." + "claims" * 20 + "."
NAMES = f"{BUILD}/tests/verifiers/odd.so does=name subject=mallory issuer=https://idp.example"


def test_restore_keeps_an_earlier_end_of_a_token_that_the_backup_lacks(daemon):
    """Others could pass it, when nothing here says that it has ended."""
    d = daemon(config=f"[service a]\nsufficient = {NAMES}\n")
    d.create()
    backup = backup_of(d)
    shortened, graced = JWS + "first-signature", "opaque-credential-" * 3
    for value in shortened, graced:
        d.done(f'import token="{value}"')
    d.done(f"update {id_of(shortened)} ttl=1s")
    d.done(f"rotate {id_of(graced)} grace=1s")
    eventually(lambda: d.verify(shortened, service="a") == d.verify(graced, service="a") == "NO expired",
               "both end")
    d.stop()
    assert "with an earlier end: 2," in restored(d, backup)
    d.start()
    for value in shortened, JWS + "another-signature", graced:
        assert d.verify(value, service="a") == "NO expired"


def test_restore_denies_what_the_backup_has_under_another_signature(daemon):
    d = daemon()
    first, second, third = (JWS + name for name in ("first", "second", "third"))
    d.done(f'import token="{first}"')
    backup = backup_of(d)
    d.done(f"delete {id_of(first)}")
    d.stop()
    restored(d, backup)
    d.start()
    assert d.verify(first) == "NO revoked"
    d.stop()
    other = daemon()
    other.done(f'import token="{second}" state=revoked')
    other.stop()
    restored(other, backup)
    other.start()
    assert other.verify(first) == other.verify(second) == "NO revoked"
    third_host = daemon()
    third_host.done(f'ban token="{third}"')
    third_host.stop()
    restored(third_host, backup)
    third_host.start()
    assert third_host.verify(first) == "NO revoked"


def test_restored_ban_leaves_its_token_in_its_place(daemon):
    """Both are in the store; when the verifiers want the bans in the table, the token stays there."""
    with Daemon(config=f"[service a]\nsufficient = {NAMES}\n") as d, Daemon() as other:
        token = d.create()
        backup = backup_of(d)
        digest = digest_of(d, token["id"])
        other.done(f"ban digest={digest}")
        other.stop()
        d.stop()
        shutil.copy(other.store, d.store)
        restored(d, backup)
        d.start()
        assert d.verify(token["token"]) == "NO revoked"
        assert d.stats()["tokens"] == "1"
        d.done(f'revoke token="{token["token"]}"', "verify")
