# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed, hangs, is restarted, or cannot start."""
import contextlib
import os
import signal
import subprocess
import time

from client import Client, Closed
from support import (ADMIN, OBSERVE, VERIFY, ConnectionLoop, assert_equal, eventually, main_pid, request,
                     request_ok, run, state, timeout, unit, verify_all)


def a_killed_daemon_answers_again_within_a_second():
    """Also checks that all tokens that it had acknowledged are there."""
    acknowledged, taken = [], []
    with ConnectionLoop(ADMIN, "create", values=acknowledged) as connections:
        for _ in range(3):
            pid = main_pid()
            start = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            while True:
                with contextlib.suppress(Closed, ConnectionResetError, BrokenPipeError):
                    if request(VERIFY, "ping").verdict == "OK":
                        break
            taken.append(time.monotonic() - start)
            eventually(lambda: main_pid() not in (0, pid), "a new process")
            connections.wait_for_more(5)
    # The median, as other processes may slow the machine down.
    assert sorted(taken)[1] < 1 and max(taken) < 5, taken
    with Client(VERIFY) as client:
        for value in acknowledged:
            assert_equal(client.request(f"verify {value}").verdict, "OK", "acknowledged before a kill")
    verify_all()
    return (f"after {' '.join(f'{1000 * t:.0f}' for t in taken)} ms; {len(acknowledged)} tokens acknowledged meanwhile "
            f"are all there; {connections}")


@timeout(40)
def the_watchdog_restarts_a_hung_daemon():
    watchdog = unit("jetond.service", "WatchdogUSec")
    assert watchdog not in ("0", "infinity"), watchdog
    pid = main_pid()
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    # A client that connects in the meantime gets its answer in the end.
    with Client(VERIFY, patience=30) as client:
        client.send("ping")
        with contextlib.suppress(Closed, ConnectionResetError):
            client.reply()
    eventually(lambda: main_pid() not in (0, pid), "a new process", 30)
    took = time.monotonic() - start
    eventually(lambda: state("jetond.service") == "active", "the service is active")
    verify_all()
    assert "watchdog" in run("journalctl", "--no-pager", "-u", "jetond").lower()
    return f"WatchdogSec={watchdog}, answered after {took:.1f} s"


def a_restart_refuses_no_connection():
    inodes = [os.stat(path).st_ino for path in (ADMIN, VERIFY)]
    with ConnectionLoop(VERIFY, "ping") as connections:
        for _ in range(3):
            run("systemctl", "restart", "jetond.service")
            connections.wait_for_more(5)
    assert_equal([os.stat(path).st_ino for path in (ADMIN, VERIFY)], inodes, "the sockets are the same")
    return str(connections)


def configure(text):
    """Replace the configuration, and return what it was."""
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(text)
    return before


@timeout(80)
def a_wrong_configuration_is_reported_and_mended_by_a_restart():
    """Also checks that clients are told, that no number of starts closes the sockets, and that these are the same
    afterwards."""
    inodes = [os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)]
    before = configure("[daemon]\nworkers = many\n")
    run("systemctl", "stop", "jetond.service")
    for _ in range(4):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(VERIFY, patience=20)) for _ in range(20)]
            for client in clients:
                assert_equal(client.request("ping").verdict, "ERR unavailable")
    reply = request(ADMIN, "ping")
    assert "/etc/jeton/jetond.conf:2: [daemon] workers" in reply["message"], reply
    output = subprocess.run(["jeton", "list"], capture_output=True, text=True, timeout=20)
    assert output.returncode != 0 and "[daemon] workers" in output.stderr, output
    assert_equal({state(f"jetond-{role}.socket") for role in ("admin", "verify", "observe")}, {"active"})
    assert_equal(unit("jetond.service", "StartLimitIntervalUSec"), "0")
    output = run("systemctl", "status", "--no-pager", "jetond.service", check=False)
    assert "[daemon] workers" in output, output
    configure(before)
    run("systemctl", "restart", "jetond.service")
    verify_all()
    assert_equal(request_ok(OBSERVE, "hello")["role"], "observe")
    assert_equal([os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)], inodes, "the sockets are the same")


def a_reload_of_a_wrong_configuration_fails_and_changes_nothing():
    pid = main_pid()
    before = configure("[daemon]\nretention = 1d\nactivation_delai = 0s\nworker = 1\n")
    done = subprocess.run(["systemctl", "reload", "jetond.service"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0, done
    output = run("systemctl", "status", "--no-pager", "jetond.service", check=False)
    assert "activation_delai" in output and "[daemon] has no key worker" in output, output
    assert_equal((state("jetond.service"), main_pid()), ("active", pid))
    configure(before)
    run("systemctl", "reload", "jetond.service")
    verify_all()


def a_restart_of_one_socket_keeps_all_of_them():
    for role in ("admin", "verify", "observe"):
        verify_all()
        assert main_pid() != 0
        run("systemctl", "restart", f"jetond-{role}.socket")
        assert_equal({state(f"jetond-{other}.socket") for other in ("admin", "verify", "observe")}, {"active"}, role)
        for path in (ADMIN, VERIFY, OBSERVE):
            assert_equal(request_ok(path, "ping").verdict, "OK")
        verify_all()
