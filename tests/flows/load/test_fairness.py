# SPDX-License-Identifier: Apache-2.0
"""No client's traffic harms another client: crowds, streams, descriptors that are being passed."""
import collections
import os
import re
import socket
import time

import pytest

import proc
from client import Client
from daemon import Daemon
from settings import PATIENCE, ROOT, scaled
from waiting import eventually, keeping_pace


def endless(path, line):
    """Open a connection that sends as much of a line as the daemon takes, and never reads."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    sock.setblocking(False)
    try:
        while True:
            sock.send(line * 200)
    except BlockingIOError:
        return sock


def test_crowd_with_one_value_keeps_no_administrator_waiting(daemon):
    d = daemon("daemon.workers=1")
    leaked, other = d.create(), d.create()
    crowd = [endless(d.path("verify"), f"revoke token={leaked['token']}\n".encode())
             for _ in range(scaled(400, 40))]
    for _ in range(3):
        token = d.create()
        began = time.monotonic()
        d.done(f"revoke {token['id']}")
        assert time.monotonic() - began < 10 * PATIENCE, "an administrator waits for the crowd"
    assert d.verify(other["token"]) == "OK"
    for sock in crowd:
        sock.close()


class Favoured(Daemon):
    """Start the daemon with a priority, as its unit does."""

    def start(self):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        except PermissionError:
            pytest.skip("may not raise a priority")
        try:
            return super().start()
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)


def thread_priorities(pid):
    """Return how many threads have each nice value; a sanitizer has a thread of its own."""
    return collections.Counter(proc.nice(f"{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task"))


def writer_stands_back(pid):
    """Return the priorities of all threads once only one thread, the writer's, is not favoured."""
    found = thread_priorities(pid)
    return found if set(found) == {-10, 0} and found[0] == 1 else None


def test_changes_stand_back_behind_verification_where_the_daemon_was_given_priority():
    with Favoured("daemon.workers=2") as d:
        # The writer takes its own when it begins, and comes forward for a moment now and then.
        priorities = eventually(lambda: writer_stands_back(d.pid), "main and workers, and the writer")
        before = d.stats()["table_generation"]
        while d.stats()["table_generation"] == before:
            d.client("admin").pipeline(["create"] * 200)
        eventually(lambda: writer_stands_back(d.pid) == priorities, "it came forward to let the table grow")


def test_daemon_without_priority_leaves_all_threads_alike(daemon):
    d = daemon("daemon.workers=1")
    assert len(thread_priorities(d.pid)) == 1


def test_daemon_stops_well_in_the_middle_of_a_crowd():
    for _ in range(scaled(12, 2)):
        with Daemon("daemon.workers=1") as d:
            line = f"revoke token={d.create()['token']}\n".encode()
            crowd = [endless(d.path("verify"), line) for _ in range(100)]
            for sock in crowd:
                sock.close()


def test_stream_of_whole_lines_is_never_half_a_line(daemon):
    d = daemon("daemon.line_timeout=1s")

    def stream_lines(step):
        with Client(d.path("verify")) as client:
            line = b"verify " + b"x" * 50 + b"\n"
            stream = line * 4096
            end, at = time.monotonic() + 3.5, 0
            while time.monotonic() < end:       # pieces that seldom end where a line does
                step()
                client.sock.sendall(stream[at:at + 1000])
                at = (at + 1000) % len(line)
                try:
                    received = client.sock.recv(1 << 18, socket.MSG_DONTWAIT)
                    assert received and b"ERR" not in received, received
                except BlockingIOError:
                    pass
                time.sleep(0.05)
    keeping_pace(stream_lines, 0.5)


def test_table_is_not_sent_again_before_the_last_one_is_taken_in(daemon):
    d = daemon()
    with Client(d.path("verify")) as client:
        client.send("table", "table", "table", "ping")
        eventually(lambda: client.unread() > 200, "the replies are there")
        data, descriptors, _, _ = socket.recv_fds(client.sock, 65536, 8)
        while not data.endswith(b"\nOK\n"):
            data += client.sock.recv(65536)
        assert (len(descriptors), data.count(b"ERR busy")) == (1, 2), data
        client.send("table")
        again, more, _, _ = socket.recv_fds(client.sock, 65536, 8)
        assert (again[:8], len(more)) == (b"OK size=", 1)
        for descriptor in descriptors + more:
            os.close(descriptor)


def test_configuration_in_the_readme_is_what_jetond_reads(daemon):
    with open(f"{ROOT}/README.md") as file:
        text = re.search(r"```ini\n(.*?)```", file.read(), re.S)[1]
    d = daemon("admin.group=", "verify.group=", config=text)
    assert d.verify(d.create()["token"]) == "OK"
