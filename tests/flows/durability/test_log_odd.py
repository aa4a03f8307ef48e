# SPDX-License-Identifier: Apache-2.0
"""What lies where the log is to be, and what else may befall a store and its log."""
import os
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from daemon import Daemon, run_jetond
from refused_writes import saved
from small_disk import fill, small_disk, verdicts
from store_lock import writer_locked_out
from waiting import eventually


def put_directory(path):
    os.mkdir(path)


def put_pipe(path):
    os.mkfifo(path)


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)


def put_link_to_nothing(path):
    os.symlink("/nowhere/at/all", path)


def put_link_to_anothers(path):
    with open(f"{path}.precious", "w") as file:
        file.write("precious\n" * 1000)
    os.symlink(f"{path}.precious", path)


def put_link_to_its_own(path):
    """A log is read where its owner has put it, as the other files beside the store are."""
    os.symlink(f"{os.path.dirname(path)}/own", path)


def put_text(path):
    with open(path, "w") as file:
        file.write("jeton log v1\nsegments=1 size=1 check=0\n" + "x" * 5000)


ODD = [put_directory, put_pipe, put_socket, put_link_to_anothers, put_link_to_its_own, put_link_to_nothing, put_text]


def looks(path):
    """Return all there is to see of what lies at a path."""
    st = os.lstat(path)
    link = os.readlink(path) if stat.S_ISLNK(st.st_mode) else None
    content = None
    if os.path.isfile(path):
        with open(path, "rb") as file:
            content = file.read()
    return st.st_ino, st.st_mode, link, content


@pytest.mark.parametrize("put", ODD)
def test_what_is_no_log_is_left_alone_and_changes_are_saved_without_one(put):
    d = Daemon()
    put(f"{d.store}.wal")
    before = looks(f"{d.store}.wal")
    with d:
        assert "changes are saved without a log" in d.log()
        token = d.create()
        d.kill()
        d.start()
        assert d.verify(token["token"]) == "OK"
        d.stop()
        assert looks(f"{d.store}.wal") == before
        d.start()


@pytest.mark.parametrize("put", ODD)
def test_store_that_needs_its_log_is_not_opened_with_something_else_there(daemon, put):
    d = daemon()
    token = d.create()
    d.done(f"revoke {token['id']}")
    d.kill()
    shutil.move(f"{d.store}.wal", f"{d.directory}/own")
    put(f"{d.store}.wal")
    before = looks(f"{d.store}.wal")
    for more in ("--check",), ():
        done = run_jetond(*d.arguments(), *more)
        assert done.returncode == 1 and f"{d.store}.wal" in done.stderr, done
    assert looks(f"{d.store}.wal") == before
    remove(f"{d.store}.wal")
    shutil.move(f"{d.directory}/own", f"{d.store}.wal")
    d.start()
    assert d.verify(token["token"]) == "NO revoked"


def remove(path):
    if os.path.isdir(path):
        os.rmdir(path)
    else:
        os.unlink(path)


@pytest.mark.parametrize("put", [put_pipe, put_socket, put_link_to_nothing, put_link_to_anothers, put_text])
def test_what_a_creation_left_is_replaced_and_never_written_through(put):
    d = Daemon()
    new = f"{d.store}.wal.new"
    put(new)
    with d:
        assert os.path.isfile(f"{d.store}.wal") and not os.path.lexists(new)
        if put is put_link_to_anothers:
            with open(f"{new}.precious") as file:
                assert file.read() == "precious\n" * 1000
        d.create()


def test_log_can_be_read_by_its_owner_alone(daemon):
    before = os.umask(0)
    try:
        d = daemon()
    finally:
        os.umask(before)
    st, of_store = os.stat(f"{d.store}.wal"), os.stat(d.store)
    assert stat.S_IMODE(st.st_mode) == 0o600
    assert (st.st_uid, st.st_gid) == (of_store.st_uid, of_store.st_gid)


def test_renamed_store_goes_on_with_its_log_and_not_without_it(daemon):
    d = daemon()
    token = d.create()
    d.done(f"revoke {token['id']}")
    d.kill()
    old, d.store = d.store, f"{d.directory}/renamed.tdb"
    shutil.move(old, d.store)
    done = run_jetond(*d.arguments())
    assert done.returncode == 1 and "needs its log" in done.stderr
    shutil.move(f"{old}.wal", f"{d.store}.wal")
    d.start()
    assert d.verify(token["token"]) == "NO revoked"


def test_copy_of_the_live_file_that_is_put_back_beside_its_log_is_brought_up_to_date(daemon):
    """Nothing that was denied since the copy passes again: that takes --restore, or another log."""
    d = daemon()
    token = d.create()
    d.done("checkpoint")
    shutil.copy(d.store, f"{d.directory}/copy")
    d.done(f"revoke {token['id']}")
    d.done("checkpoint")
    d.kill()
    shutil.copy(f"{d.directory}/copy", d.store)
    d.start()
    assert d.verify(token["token"]) == "NO revoked"
    assert [entry["event"] for entry in d.done("journal").lines] == ["create", "revoke"]


def test_copy_of_the_live_file_is_not_opened_beside_a_log_that_began_since(daemon):
    d = daemon()
    token = d.create()
    with writer_locked_out(d):
        shutil.copy(d.store, f"{d.directory}/copy")
    d.restart()
    d.done(f"revoke {token['id']}")
    d.kill()
    shutil.copy(d.store, f"{d.directory}/own")
    shutil.copy(f"{d.directory}/copy", d.store)
    done = run_jetond(*d.arguments())
    assert done.returncode == 1 and "another store's is" in done.stderr
    shutil.copy(f"{d.directory}/own", d.store)
    d.start()
    assert d.verify(token["token"]) == "NO revoked"


def on_a_full_disk():
    """Return a daemon whose disk is full, and whose log has what its file has not; one value that is good and one
    that is revoked; and the file that fills the disk."""
    disk = small_disk("tmpfs", "64m")
    os.mkdir(f"{disk}/jeton")
    d = Daemon(directory=f"{disk}/jeton").start()
    d.log_path = f"{tempfile.gettempdir()}/log"
    made = [r["token"] for r in d.client().pipeline(["create description=" + "x" * 900] * 200)]
    fill(f"{disk}/filler")
    made += [r["token"] for r in d.client().pipeline(["create description=" + "x" * 900] * 200)]
    d.done(f"revoke {d.done(f'id {made[0]}')['id']}")
    return d, made, f"{disk}/filler"


def test_end_in_good_order_on_a_full_disk_leaves_all_in_the_log():
    d, made, filler = on_a_full_disk()
    for _ in range(2):
        d.stop()
        assert "v=2 " in subprocess.run(["tdbdump", "-k", "jeton", d.store], capture_output=True, text=True,
                                        check=True).stdout
        d.start()
        assert d.verify(made[0]) == "NO revoked" and verdicts(d, made[1:]) == {"OK"}
    assert "what it lacks is in its log" in d.log()
    os.unlink(filler)
    eventually(lambda: d.stats()["log_bytes"] == "0", "it is in the store's file", every=0.05)
    d.stop()
    with d:
        assert d.verify(made[0]) == "NO revoked" and verdicts(d, made[1:]) == {"OK"}


def test_log_that_cannot_be_saved_is_not_removed_by_log_no():
    d, made, filler = on_a_full_disk()
    d.kill()
    d.settings = ("daemon.log=no",)
    d.spawn().ended(1)
    assert "cannot be written" in d.log()
    d.settings = ()
    d.start()
    assert d.verify(made[0]) == "NO revoked" and verdicts(d, made[1:]) == {"OK"}
    d.kill()
    os.unlink(filler)
    d.settings = ("daemon.log=no",)
    with d:
        assert not os.path.exists(f"{d.store}.wal")
        assert d.verify(made[0]) == "NO revoked" and verdicts(d, made[1:]) == {"OK"}
        saved(d)


def test_store_near_its_size_limit_is_written_without_its_log(daemon):
    """A file with holes is as long, and takes no space."""
    d = daemon()
    made = [r["token"] for r in d.client().pipeline(["create"] * 300)]
    d.stop()
    os.truncate(d.store, 3550 << 20)
    d.start()
    assert int(d.stats()["store_bytes"]) == 3550 << 20
    made += [r["token"] for r in d.client().pipeline(["create"] * 300)]
    for value in made[0], made[-1]:
        d.done(f"revoke {d.done(f'id {value}')['id']}")
    assert d.stats()["log_bytes"] == "0", "each change is in the file when it is answered"
    d.kill()
    d.start()
    assert [d.verify(value) for value in (made[0], made[-1])] == ["NO revoked"] * 2
    assert verdicts(d, made[1:-1]) == {"OK"}
    d.stop()
    os.truncate(d.store, 0)     # nobody copies it
