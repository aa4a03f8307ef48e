# SPDX-License-Identifier: Apache-2.0
"""A daemon that is started as root does not stay root."""
import grp
import os
import pwd
import shutil
import stat
import tempfile

import pytest

from daemon import Daemon, run_jetond
from library import Handle, library
from requirements import need_root
from waiting import eventually

USER = "nobody"


def ids(pid, field):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return [int(word) for word in line.split()[1:]]


def daemon_that_drops(**options):
    """Return a daemon below directories that only root could have made."""
    d = Daemon(f"daemon.user={USER}", **options)
    os.chmod(os.path.dirname(d.directory), 0o755)
    os.chmod(d.directory, 0o755)
    d.store = f"{d.directory}/lib/tokens.tdb"
    return d


def test_root_becomes_the_configured_user_for_good():
    need_root()
    user = pwd.getpwnam(USER)
    with daemon_that_drops() as d:
        assert ids(d.pid, "Uid") == [user.pw_uid] * 4
        assert ids(d.pid, "Gid") == [user.pw_gid] * 4
        assert sorted(ids(d.pid, "Groups")) == sorted(os.getgrouplist(USER, user.pw_gid))
        with open(f"/proc/{d.pid}/status") as file:
            capabilities = {line.split()[0]: int(line.split()[1], 16) for line in file
                            if line.startswith(("CapPrm", "CapEff", "CapInh", "CapAmb"))}
        assert set(capabilities.values()) == {0}, capabilities
        assert d.stats()["protection_unprivileged"] == "1"
        assert "running as root" not in d.log()


def test_store_and_missing_directories_belong_to_the_user():
    need_root()
    uid = pwd.getpwnam(USER).pw_uid
    with daemon_that_drops() as d:
        token = d.create()
        assert ((os.stat(f"{d.directory}/lib").st_uid,
                 stat.S_IMODE(os.stat(f"{d.directory}/lib").st_mode)) == (uid, 0o700))
        assert os.stat(d.store).st_uid == uid
        assert os.stat(d.directory).st_uid == 0, "what was there is left as it was"
        d.restart()
        assert d.verify(token["token"]) == "OK"


def test_client_trusts_a_socket_whose_missing_directories_root_made():
    need_root()
    if library() is None:
        pytest.skip("needs libjeton in this process")
    with daemon_that_drops(roles=("admin",)) as d:
        d.stop()
        verify = f"{d.directory}/several/levels/down/verify.sock"
        d.store = f"{d.directory}/store/below/tokens.tdb"
        d.settings = [*d.settings, f"verify.path={verify}", "verify.mode=0666"]
        d.start()
        value = d.create()["token"]
        store = os.stat(os.path.dirname(d.store))
        assert (store.st_uid, stat.S_IMODE(store.st_mode)) == (pwd.getpwnam(USER).pw_uid, 0o700)
        for level in "several", "several/levels", "several/levels/down", "store":
            made = os.stat(f"{d.directory}/{level}")
            assert (made.st_uid, stat.S_IMODE(made.st_mode)) == (0, 0o755), level
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setresuid(4711, 4711, 4711)
                os.write(writer, " ".join(Handle(verify).verify(value)).encode())
            except BaseException as fault:
                os.write(writer, repr(fault).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 1000).split()[0] == b"OK"
        assert "refuse" not in d.log()
        d.restart()     # the socket's file is still there


def test_socket_that_clients_would_refuse_is_named_at_start():
    need_root()
    with daemon_that_drops(roles=("admin", "verify")) as d:
        assert "refuse" not in d.log(), d.log()
        d.stop()
        os.chmod(d.directory, 0o777)
        d.start()
        assert f"jeton command will refuse {d.path('verify')}: {d.directory} can be written by group or others" in d.log()


def test_sockets_get_their_groups_before_and_are_served_after():
    need_root()
    group = grp.getgrnam("daemon")
    with daemon_that_drops(roles=("admin", "verify")) as d:
        d.stop()
        d.settings = [*d.settings, "admin.group=daemon", "admin.mode=0660", "admin.owner=root"]
        d.start()
        made = os.stat(d.path())
        assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (0, group.gr_gid, 0o660)


def test_reload_works_without_root():
    need_root()
    with daemon_that_drops(config="[daemon]\nactivation_delay = 0s\n") as d:
        os.chmod(d.config, 0o644)
        d.configure("[daemon]\nactivation_delay = 1h\n")
        d.reload()
        eventually(lambda: d.create()["state"] == "pending", "it is applied")
        d.configure("[daemon]\nuser = daemon\n")
        d.settings = []
        d.reload()
        eventually(lambda: d.log().count("configuration reloaded") >= 2, "once more")


def test_staying_root_is_warned_of(daemon):
    need_root()
    d = daemon()
    assert "[daemon] user" in d.log(), d.log()
    assert d.stats()["protection_unprivileged"] == "0"


def test_user_that_is_not_there_or_cannot_be_become_is_an_error(daemon):
    need_root()
    with Daemon() as d:
        d.stop()
        for more in ("--check",), ():
            done = run_jetond(*d.arguments(), "--set", "daemon.user=no-such-user-here", *more)
            assert done.returncode == 2 and "no-such-user-here" in done.stderr, done
        d.start()
    directory = tempfile.mkdtemp(prefix="")
    d = daemon(uid=65534, directory=directory)
    d.stop()
    d.settings = ["daemon.user=daemon"]
    d.spawn()
    d.ended(2)
    assert "only root can become daemon" in d.log(), d.log()
    d.settings = [f"daemon.user={USER}"]        # who it is already
    d.start()


def test_check_knows_what_a_start_would_make():
    need_root()
    with daemon_that_drops() as d:
        d.stop()
        shutil.rmtree(f"{d.directory}/lib")
        done = run_jetond(*d.arguments(), "--check")
        assert (done.returncode, done.stderr) == (0, "")
        d.start()
