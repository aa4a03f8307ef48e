# SPDX-License-Identifier: Apache-2.0
"""Upgrade the packages while clients connect."""
import glob
import os

from client import Client
from support import (ADMIN, OBSERVE, VERIFY, ConnectionLoop, apt, assert_equal, eventually, main_pid, run,
                     state, timeout, verify_all)


@timeout(60)
def an_upgrade_refuses_no_connection_and_keeps_the_tokens():
    pid, count = main_pid(), verify_all()
    inodes = [os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)]
    with Client(ADMIN) as connected, ConnectionLoop(VERIFY, "ping") as connections:
        assert_equal(connected.request("ping").verdict, "OK")
        apt("install", *glob.glob(f"{os.getcwd()}/new/*.deb"))
        # The connection is closed, without an unread reply.
        assert_equal([reply.verdict for reply in connected.closed()], [])
        eventually(lambda: main_pid() not in (0, pid), "a new process")
    assert run("dpkg-query", "-W", "-f", "${Version}", "jeton").endswith("+next")
    assert not os.readlink(f"/proc/{main_pid()}/exe").endswith("(deleted)")
    assert_equal([os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)], inodes,
         "the sockets are the same")
    assert_equal(state("jetond-observe.socket"), "active", "what was enabled stays so")
    assert_equal(verify_all(), count)
    return str(connections)
