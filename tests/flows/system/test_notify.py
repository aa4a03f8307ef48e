# SPDX-License-Identifier: Apache-2.0
"""What the service manager is sent: sd_notify(3), sd_watchdog_enabled(3)."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from daemon import Daemon
from service_manager import Manager
from settings import PATIENCE, SANITIZER
from stuck_disk import WithLog, WithoutLog
from waiting import eventually

WATCHDOG = 1 * PATIENCE                 # seconds


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
    in_time = 0
    for _ in range(30):                 # a busy machine may hold up any, but not each third one
        in_time = in_time + 1 if manager.receives("WATCHDOG", WATCHDOG) else 0
        if in_time == 3:
            break
    assert in_time == 3, "three in a row, each within its time"
    assert d.done("ping").verdict == "OK"


def test_nothing_is_notified_that_nobody_asked_for(daemon):
    manager = Manager()
    with Daemon(extra={"NOTIFY_SOCKET": manager.name}):
        manager.wait("READY")
        assert not manager.receives("WATCHDOG", 1.5)
    d = daemon(extra={"NOTIFY_SOCKET": "/nowhere/at/all"})
    assert d.done("ping").verdict == "OK"


@pytest.mark.parametrize("kind", [WithLog, WithoutLog])
def test_stuck_disk_does_not_starve_the_watchdog(daemon, kind):
    manager, disk = Manager(), kind()
    d = daemon(*disk.settings, extra=disk.extra | {"NOTIFY_SOCKET": manager.name,
                                                   "WATCHDOG_USEC": str(WATCHDOG * 1000000)})
    manager.wait("READY")
    with disk.stuck(d), d.client() as client:
        client.send("create")
        for _ in range(2 * 3):
            assert manager.receives("WATCHDOG", 20 * WATCHDOG), "a disk that hangs is no reason to stop"
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
    assert manager.receives("WATCHDOG", 20 * WATCHDOG)
    tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(worker_of(d.pid)), "-e",
                               "inject=epoll_wait:delay_enter=30000000"], stderr=subprocess.PIPE)
    eventually(lambda: "does not answer" in d.log(), "it is noticed")
    manager.drain()
    assert not manager.receives("WATCHDOG", 2 * WATCHDOG), "and the watchdog is not fed meanwhile"
    tracer.terminate()
    tracer.wait()
    eventually(lambda: manager.receives("WATCHDOG", WATCHDOG), "it answers again")
