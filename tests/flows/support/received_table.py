# SPDX-License-Identifier: Apache-2.0
"""The table as a client receives it, and daemons and users for that."""
import mmap
import os
import socket
import struct

import pytest

from client import Client, Fields
from daemon import Daemon
from library import library
from value import digest_of

LEASE_AT, STATE_AT = 128, 136
LIVE, SUPERSEDED, CLOSED = 1, 2, 3
REACH_BITS = 0xff000000
GROUP = 133700          # a number that no group needs to have


def received(path):
    """Return the reply to `table`, and the descriptor received with it or None."""
    with Client(path) as client:
        client.send("table")
        data, descriptors, _, _ = socket.recv_fds(client.sock, 65536, 4)
        assert data.endswith(b"\n") and len(descriptors) <= 1, (data, descriptors)
        return Fields(data[:-1]), descriptors[0] if descriptors else None


class DaemonOfGroup(Daemon):
    """A daemon whose table_group comes from its configuration file, so that SIGHUP can change it."""

    def __init__(self, config):
        super().__init__(config=config)

    def arguments(self):
        found = super().arguments()
        at = found.index("verify.table_group=")
        return found[:at - 1] + found[at + 1:]

    def __enter__(self):
        os.chmod(self.directory, 0o755)
        os.chmod(os.path.dirname(self.directory), 0o755)
        return super().__enter__()


def need_library():
    if library() is None:
        pytest.skip("needs libjeton in this process")


class Table:
    def __init__(self, daemon):
        self.reply, self.fd = received(daemon.path("verify"))
        self.map = mmap.mmap(self.fd, int(self.reply["size"]), mmap.MAP_SHARED, mmap.PROT_READ)

    def number(self, form, at):
        return struct.unpack_from(form, self.map, at)[0]

    @property
    def state(self):
        return self.number("I", STATE_AT)

    @property
    def lease(self):
        return self.number("q", LEASE_AT) / 1e9

    def flags(self, value):
        """Return the flags of the slot that holds a value's digest, without its reach; None: no slot does."""
        slots, bits = self.number("Q", 16), self.number("I", 12)
        at = self.map.find(digest_of(value), slots, slots + (64 << bits))
        if at < 0:
            return None
        assert (at - slots) % 64 == 8, "place in the slot"
        return self.number("I", at - 4) & ~REACH_BITS


def as_somebody(uid, groups, act):
    """Run `act` as another user; return its result."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)
        try:
            os.write(writer, act().encode())
        except BaseException as fault:
            os.write(writer, repr(fault).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer
