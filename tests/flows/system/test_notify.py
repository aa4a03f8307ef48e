# SPDX-License-Identifier: Apache-2.0
"""What the service manager is sent: sd_notify(3), sd_watchdog_enabled(3)."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from daemon import Daemon
from settings import PATIENCE, SANITIZER
from store_lock import writer_locked_out
from waiting import eventually

WATCHDOG = 1 * PATIENCE                 # seconds


class Manager:
    """Receive messages as a service manager does."""

    def __init__(self, abstract=False):
        self.name = ("@jeton-test-" + os.urandom(8).hex() if abstract else
                     tempfile.mkdtemp(prefix="") + "/notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + self.name[1:] if abstract else self.name)
        self.sock.settimeout(20 * PATIENCE)

    def next(self):
        """Return {variable: text} of the next message."""
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def wait(self, variable):
        """Wait for a message that has this variable; return it and those before it."""
        seen = []
        while not seen or variable not in seen[-1]:
            seen.append(self.next())
        return seen[-1], seen[:-1]

    def drain(self):
        self.sock.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(4096)
        self.sock.settimeout(20 * PATIENCE)

    def receives(self, variable, seconds):
        """True if a message with this variable comes within that time."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                if variable in self.next():
                    return True
        except TimeoutError:
            pass
        finally:
            self.sock.settimeout(20 * PATIENCE)
        return False


def test_start_reload_and_stop_are_notified_in_order():
    for abstract in False, True:
        manager = Manager(abstract)
        with Daemon(extra={"NOTIFY_SOCKET": manager.name}) as d:
            ready, before = manager.wait("READY")
            assert ready == {"READY": "1"}
            assert any("tokens" in m.get("STATUS", "") for m in before), before
            for _ in range(2):
                began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                d.reload()
                reloading, _ = manager.wait("RELOADING")
                assert began <= int(reloading["MONOTONIC_USEC"]) <= began + 20e6, reloading
                assert reloading["RELOADING"] == "1"
                manager.wait("READY")
            d.signal(signal.SIGTERM)
            manager.wait("STOPPING")
            d.ended(0)
            d.start()


def test_ready_is_notified_when_requests_are_answered_and_not_before(daemon):
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}) as d:
        manager.wait("READY")
        assert d.done("ping").verdict == "OK"
    d = daemon(extra={"NOTIFY_SOCKET": manager.name})
    d.stop()
    with open(d.store, "w") as file:
        file.write("not a store")
    manager.drain()
    d.spawn()
    d.ended(1)
    assert not manager.receives("READY", 0.1)
    os.unlink(d.store)
    d.start()


def test_watchdog_is_fed_while_all_is_well(daemon):
    manager = Manager()
    d = daemon(extra={"NOTIFY_SOCKET": manager.name,
                      "WATCHDOG_USEC": str(WATCHDOG * 1000000)})
    manager.wait("READY")
    for _ in range(3):
        assert manager.receives("WATCHDOG", WATCHDOG), "within its time"
    assert d.done("ping").verdict == "OK"


def test_nothing_is_notified_that_nobody_asked_for(daemon):
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}):
        manager.wait("READY")
        assert not manager.receives("WATCHDOG", 1.5)
    d = daemon(extra={"NOTIFY_SOCKET": "/nowhere/at/all"})
    assert d.done("ping").verdict == "OK"


def test_stuck_disk_does_not_starve_the_watchdog(daemon):
    manager = Manager()
    d = daemon(extra={"NOTIFY_SOCKET": manager.name,
                      "WATCHDOG_USEC": str(WATCHDOG * 1000000)})
    manager.wait("READY")
    with writer_locked_out(d), d.client() as client:
        client.send("create")
        for _ in range(2 * 3):
            assert manager.receives("WATCHDOG", WATCHDOG), "a disk that hangs is no reason to stop"
        assert client.silent()
        eventually(lambda: int(d.stats()["keeper_busy_seconds"]) >= 2, "stats say how long")


def worker_of(pid):
    """A thread that serves connections: with two of them, those that wait for events and are not
    the main one."""
    threads = sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))
    return threads[-1]


def test_stuck_worker_starves_the_watchdog(daemon):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if SANITIZER:
        pytest.skip("slow under a sanitizer")
    manager = Manager()
    d = daemon(extra={"NOTIFY_SOCKET": manager.name,
                      "WATCHDOG_USEC": str(WATCHDOG * 1000000)})
    manager.wait("READY")
    assert manager.receives("WATCHDOG", WATCHDOG)
    tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(worker_of(d.pid)), "-e",
                               "inject=epoll_wait:delay_enter=6000000"], stderr=subprocess.PIPE)
    eventually(lambda: "does not answer" in d.log(), "it is noticed", within=15)
    manager.drain()
    assert not manager.receives("WATCHDOG", 2 * WATCHDOG), "and the watchdog is not fed meanwhile"
    tracer.terminate()
    tracer.wait()
    eventually(lambda: manager.receives("WATCHDOG", WATCHDOG), "it answers again", within=20)
