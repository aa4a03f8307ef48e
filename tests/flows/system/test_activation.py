# SPDX-License-Identifier: Apache-2.0
"""Sockets that a service manager hands over: sd_listen_fds(3)."""
import contextlib
import os
import socket
import subprocess
import tempfile

from client import Client
from daemon import Daemon, environment
from settings import JETOND
from waiting import eventually


@contextlib.contextmanager
def listening(*names):
    """Yield {name: socket}; a # and what follows distinguishes sockets that get the same name."""
    directory = tempfile.mkdtemp(prefix="")
    sockets = {}
    for name in names:
        sockets[name] = socket.socket(socket.AF_UNIX)
        sockets[name].bind(f"{directory}/{name}")
        sockets[name].listen(16)
    yield sockets
    for sock in sockets.values():
        sock.close()


def path_of(sock):
    return sock.getsockname()


def role_at(path):
    with Client(path) as client:
        return client.request("hello")["role"]


def test_inherited_sockets_grant_what_their_names_stand_for_in_any_order():
    with listening("verify", "jetond-admin.socket", "observe", "verify#2") as sockets:
        with Daemon(roles=(), sockets=sockets) as d:
            assert ([role_at(path_of(s)) for s in sockets.values()] ==
                    ["verify", "admin", "observe", "verify"])
            for role in "admin", "observe", "verify":
                assert not os.path.exists(d.path(role)), "nothing is bound for an inherited role"


def test_inherited_role_is_not_bound_and_others_are():
    with listening("admin") as sockets, Daemon(roles=("verify",), sockets=sockets) as d:
        d.settings = [f"admin.path={d.directory}/nowhere/admin.sock", "admin.group=no-such-group"]
        d.restart()
        assert role_at(path_of(sockets["admin"])) == "admin"
        assert role_at(d.path("verify")) == "verify"
        d.stop()
        assert os.path.exists(path_of(sockets["admin"])), "an inherited socket is not ours to remove"
        assert not os.path.exists(d.path("verify"))
        d.start()


def test_connection_made_before_the_daemon_runs_is_served():
    with listening("admin") as sockets:
        early = Client(path_of(sockets["admin"]))
        early.send("create", "list")
        with Daemon(roles=(), sockets=sockets) as d:
            assert [early.reply().verdict for _ in range(2)] == ["OK", "OK"]
            d.stop()
            early = Client(path_of(sockets["admin"]))
            early.send("list")
            d.start()
            assert len(early.reply().lines) == 1, "and one made between two runs"


def test_reload_keeps_inherited_sockets_and_does_not_look_for_theirs():
    with listening("admin", "verify") as sockets:
        with Daemon(roles=(), sockets=sockets, config="[daemon]\nactivation_delay = 0s\n") as d:
            d.settings = [f"admin.path={d.directory}/nowhere/a.sock", "admin.group=no-such-group"]
            d.restart()
            d.configure("[daemon]\nactivation_delay = 1h\n")
            d.reload()
            eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
            assert "restart" not in d.log(), d.log()
            with Client(path_of(sockets["admin"])) as client:
                assert client.request("create")["state"] == "pending"


def started_with(d, sockets, *arguments):
    """Return the outcome of a start that must end by itself."""
    d.sockets = sockets
    given = range(3, 3 + len(sockets))

    def prepare():
        high = [os.dup(s.fileno()) for s in sockets.values()]
        high = [os.dup2(fd, 100 + n) for n, fd in enumerate(high)]
        for fd, number in zip(high, given):
            os.dup2(fd, number)
    return subprocess.run([*d.prefix(), JETOND, *d.arguments(), *arguments], capture_output=True,
                          text=True, preexec_fn=prepare, pass_fds=given, env=environment(),
                          timeout=60)


def test_wrong_descriptor_is_one_line_that_shows_what_would_be_right():
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    internet = socket.socket()
    silent = socket.socket(socket.AF_UNIX)
    with (listening("other") as unknown, open("/dev/null") as file, Daemon() as d):
        d.stop()
        for sockets, word in ((unknown, "FileDescriptorName"), ({"admin": datagram}, "stream"),
                              ({"admin": internet}, "Unix"), ({"verify": silent}, "listening"),
                              ({"verify": file}, "listening")):
            for more in ("--check",), ():
                done = started_with(d, sockets, *more)
                assert done.returncode > 0 and word in done.stderr, done
                assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        d.sockets = {}
        d.start()


def test_check_is_right_about_inherited_sockets():
    with listening("admin", "verify") as sockets, Daemon() as d:
        d.stop()
        d.settings = ["admin.group=no-such-group", f"verify.path={d.directory}/nowhere/v.sock"]
        assert started_with(d, {}, "--check").returncode == 2
        done = started_with(d, sockets, "--check")
        assert (done.returncode, done.stderr) == (0, "")
        d.settings, d.sockets = [], {}
        d.start()


def test_descriptors_for_another_process_are_left_alone(daemon):
    d = daemon(extra={"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "other"})
    assert d.done("ping").verdict == "OK"
