# SPDX-License-Identifier: Apache-2.0
"""What the service manager is told: sd_notify(3), sd_watchdog_enabled(3)."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import Daemon, Skip, claim, eventually, same
from settings import PATIENCE, SANITIZER
from test_disk_wait import writer_locked_out

WATCHDOG = 1 * PATIENCE                 # seconds


class Manager:
    """Listens as a service manager does."""

    def __init__(self, abstract=False):
        self.name = ("@jeton-test-" + os.urandom(8).hex() if abstract else
                     tempfile.mkdtemp(prefix="") + "/notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + self.name[1:] if abstract else self.name)
        self.sock.settimeout(20 * PATIENCE)

    def next(self):
        """{variable: text} of the next message."""
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def wait(self, variable):
        """The next message that has this variable, and all before it."""
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

    def hears(self, variable, seconds):
        """True if it comes within that time."""
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


@claim
def start_reload_and_stop_are_told_in_order():
    for abstract in False, True:
        manager = Manager(abstract)
        with Daemon(extra={"NOTIFY_SOCKET": manager.name}) as d:
            ready, before = manager.wait("READY")
            same(ready, {"READY": "1"})
            assert any("tokens" in m.get("STATUS", "") for m in before), before
            for _ in range(2):
                began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                d.reload()
                reloading, _ = manager.wait("RELOADING")
                assert began <= int(reloading["MONOTONIC_USEC"]) <= began + 20e6, reloading
                same(reloading["RELOADING"], "1")
                manager.wait("READY")
            d.signal(signal.SIGTERM)
            manager.wait("STOPPING")
            d.ended(0)
            d.start()


@claim
def ready_is_told_when_requests_are_answered_and_not_before():
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}) as d:
        manager.wait("READY")
        same(d.done("ping").verdict, "OK")
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}) as d:
        d.stop()
        with open(d.store, "w") as file:
            file.write("not a store")
        manager.drain()
        d.spawn()
        d.ended(1)
        assert not manager.hears("READY", 0.1)
        os.unlink(d.store)
        d.start()


@claim
def watchdog_is_fed_while_all_is_well():
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name,
                       "WATCHDOG_USEC": str(WATCHDOG * 1000000)}) as d:
        manager.wait("READY")
        for _ in range(3):
            assert manager.hears("WATCHDOG", WATCHDOG), "within its time"
        same(d.done("ping").verdict, "OK")


@claim
def nobody_is_told_what_nobody_asked_for():
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}):
        manager.wait("READY")
        assert not manager.hears("WATCHDOG", 1.5)
    with Daemon(extra={"NOTIFY_SOCKET": "/nowhere/at/all"}) as d:
        same(d.done("ping").verdict, "OK")


@claim
def stuck_disk_does_not_starve_the_watchdog():
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name,
                       "WATCHDOG_USEC": str(WATCHDOG * 1000000)}) as d:
        manager.wait("READY")
        with writer_locked_out(d), d.client() as client:
            client.send("create")
            for _ in range(2 * 3):
                assert manager.hears("WATCHDOG", WATCHDOG), "a disk that hangs is no reason to stop"
            assert client.silent()
            eventually(lambda: int(d.stats()["keeper_busy_seconds"]) >= 2, "stats say how long")


def worker_of(pid):
    """A thread that serves connections: with two of them, those that wait for events and are not
    the main one."""
    threads = sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))
    return threads[-1]


@claim
def stuck_worker_starves_the_watchdog():
    if shutil.which("strace") is None:
        raise Skip("strace is not installed")
    if SANITIZER:
        raise Skip("slow under a sanitizer")
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name,
                       "WATCHDOG_USEC": str(WATCHDOG * 1000000)}) as d:
        manager.wait("READY")
        assert manager.hears("WATCHDOG", WATCHDOG)
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(worker_of(d.pid)), "-e",
                                   "inject=epoll_wait:delay_enter=6000000"], stderr=subprocess.PIPE)
        eventually(lambda: "does not answer" in d.log(), "it is noticed", within=15)
        manager.drain()
        assert not manager.hears("WATCHDOG", 2 * WATCHDOG), "and the watchdog is not told otherwise"
        tracer.terminate()
        tracer.wait()
        eventually(lambda: manager.hears("WATCHDOG", WATCHDOG), "it answers again", within=20)
