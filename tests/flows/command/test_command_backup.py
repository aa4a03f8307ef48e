# SPDX-License-Identifier: Apache-2.0
"""jeton backup FILE|-: who may, and what it writes where."""
import glob
import os
import signal
import stat
import subprocess

import pytest

from backups import backup, copies, opened, when_let_go
from jeton_command import JETON, Impostor, Terminal, jeton, setting
from settings import PATIENCE
from small_disk import small_disk

BESIDE = ["wal", "wal.new", "lock", "used", "epoch", "lease", "new", "unfinished-backup"]    # what jetond has beside its store


@pytest.mark.parametrize("role", ["observe", "verify"])
def test_backup_is_for_admins_only(daemon, role):
    d = daemon()
    assert d.ask("backup", role).verdict == "ERR forbidden"
    assert jeton(d.path(role), "backup", f"{d.directory}/backup").status == 2
    assert copies(d) == [] and not os.path.exists(f"{d.directory}/backup")


def test_backup_to_a_pipe_is_the_whole_store_and_nothing_else(daemon):
    d = daemon()
    token = d.create()
    done = subprocess.run([JETON, "backup", "-"], env=setting(d.path()), capture_output=True, timeout=30 * PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b"jeton: %d bytes, with the journal up to serial 1\n" % len(done.stdout)
    with open(f"{d.directory}/backup", "wb") as file:
        file.write(done.stdout)
    with opened(file.name) as other:
        assert other.verify(token["token"]) == "OK"
    quiet = when_let_go(lambda: subprocess.run([JETON, "--quiet", "backup", "-"], env=setting(d.path()), capture_output=True),
                        lambda done: done.stderr.decode())
    assert (quiet.returncode, quiet.stderr, len(quiet.stdout)) == (0, b"", len(done.stdout))


def test_backup_to_a_terminal_or_a_closed_output_is_refused(daemon):
    d = daemon()
    terminal = Terminal(d.path(), "backup", "-")
    assert "it is a terminal, and a backup is no text" in terminal.finish() and terminal.status == 2
    closed = subprocess.run(["sh", "-c", f"exec {JETON} backup - >&-"], env=setting(d.path()), capture_output=True)
    assert closed.returncode == 2 and b"standard output is closed" in closed.stderr
    for arguments in ([], [""], ["a", "b"], ["--json", "-"], ["--csv", "a"]):
        assert jeton(d.path(), "backup", *arguments).status == 2
    assert "backup:" not in d.log(), "none was begun"


def test_file_is_replaced_only_by_a_whole_backup_and_only_its_owner_may_read_it(daemon):
    d = daemon()
    d.create()
    path = f"{d.directory}/backup"
    with open(path, "w") as file:
        file.write("the last one")
    os.chmod(path, 0o644)
    limited = subprocess.run(["sh", "-c", f"ulimit -f 64; exec {JETON} backup {path}"], env=setting(d.path()),
                             capture_output=True)
    assert limited.returncode in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ), limited
    with open(path) as file:
        assert file.read() == "the last one"
    assert not glob.glob(f"{path}.*"), "nothing is left"
    backup(d)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    link = f"{d.directory}/link"
    os.symlink(path, link)
    for other in link, d.directory, d.path(), "/dev/null":
        done = jeton(d.path(), "backup", other)
        assert done.status == 2 and "is not a regular file" in done.err, done
    done = jeton(d.path(), "backup", d.store)
    assert done.status == 2 and "the store of a daemon that is running" in done.err, done
    assert len(d.list()) == 1


def test_files_beside_the_store_are_not_replaced_by_a_backup_whether_they_are_there_or_not(daemon):
    d = daemon()
    token = d.create()
    linked = f"{d.directory}/linked.tdb"
    os.symlink(d.store, linked)
    for store in d.store, linked:
        for suffix in BESIDE:
            path = f"{store}.{suffix}"
            before = os.path.exists(path) and os.stat(path).st_ino
            done = jeton(d.path(), "backup", path)
            assert done.status == 2 and "a daemon has beside its store" in done.err, done
            assert (os.path.exists(path) and os.stat(path).st_ino) == before, path
    assert {name[len(d.store) + 1:] for name in glob.glob(f"{d.store}.*")} <= set(BESIDE), "these are all"
    d.restart()
    assert d.verify(token["token"]) == "OK"
    backup(d, f"{d.directory}/other.lease")


def test_daemon_is_not_asked_for_a_backup_that_cannot_be_written(daemon):
    d = daemon()
    for path, fault in (f"{d.directory}/missing/backup", "No such file"), ("/proc/backup", "No such file"), \
                       (f"{d.path()}/backup", "Not a directory"), (f"{d.directory}/{'a' * 300}", "File name too long"):
        done = jeton(d.path(), "backup", path)
        assert done.status == 2 and fault in done.err, done
    assert "backup:" not in d.log() and not glob.glob(f"{d.directory}/*.tmp")


def test_name_with_an_equals_sign_or_as_long_as_a_value_is_a_file(daemon):
    d = daemon()
    for name in "token=x", "t" * 60, "-dash":
        path, _ = backup(d, f"{d.directory}/{name}")
        assert os.path.getsize(path) > 0


def test_without_space_for_the_file_nothing_is_left_of_it(daemon):
    disk = small_disk("tmpfs", "2M")
    d = daemon()
    d.create()
    done = jeton(d.path(), "backup", f"{disk}/backup")
    assert done.status == 3 and "No space left on device" in done.err, done
    assert os.listdir(disk) == []
    backup(d)


def test_copy_that_is_not_what_the_reply_names_is_refused(daemon):
    d = daemon()
    d.create()
    path, _ = backup(d)
    size = os.path.getsize(path)
    target = f"{d.directory}/received"
    for fd, named, fault in ((os.open(path, os.O_RDONLY), size + 1, "not of the size"),
                             (os.open("/dev/zero", os.O_RDONLY), size, "not of the size"),
                             (None, size, "has no copy of the store")):
        line = b"OK size=%d serial=1 epoch=0123456789abcdef\n" % named
        false = Impostor(lambda _, line=line, fd=fd: (line, fd) if fd is not None else line)
        done = jeton(false.path, "backup", target)
        assert done.status == 3 and fault in done.err, done
        assert false.lines == [b"backup"] and not os.path.exists(target)
