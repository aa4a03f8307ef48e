# SPDX-License-Identifier: Apache-2.0
"""The table as it is handed out: sealed, read-only, alive, and only to users who may have it."""
import ctypes
import fcntl
import grp
import mmap
import os
import time

import pytest

import proc
from client import Client
from received_table import CLOSED, LIVE, SUPERSEDED, Table, as_somebody, received
from requirements import need_root
from waiting import eventually

MAGIC = 0x31626174656e6f74
SEALS = 0x01 | 0x02 | 0x04 | 0x10           # SEAL SHRINK GROW FUTURE_WRITE
DISABLED, REVOKED = 4, 8
LEASE = 5                                   # seconds
HUGE, MAP_FIXED, MADV_COLLAPSE = 2 << 20, 0x10, 25


def huge_pages_fault():
    """Return why a file in memory gets no huge page; None: it gets one.  One page is written, and made into a
    huge one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    fd = os.memfd_create("huge")
    os.truncate(fd, HUGE)
    space = libc.mmap(None, 2 * HUGE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    at = libc.mmap(space + -space % HUGE, HUGE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | MAP_FIXED, fd, 0)
    failed = ctypes.c_void_p(-1).value
    assert space != failed and at != failed, os.strerror(ctypes.get_errno())
    ctypes.memset(at, 1, 1)
    result = libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(HUGE), MADV_COLLAPSE)
    fault = os.strerror(ctypes.get_errno()) if result < 0 else None
    libc.munmap(ctypes.c_void_p(space), ctypes.c_size_t(2 * HUGE))
    os.close(fd)
    return fault


def test_table_is_sealed_and_cannot_be_written_through_what_is_handed_out(daemon):
    d = daemon()
    d.create()
    reply, fd = received(d.path("verify"))
    assert (reply.words, reply["final"]) == (["OK"], "yes")
    info = os.fstat(fd)
    assert (info.st_size, oct(info.st_mode & 0o777)) == (int(reply["size"]), "0o444")
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS == SEALS

    def refused(act):
        try:
            act()
        except (OSError, ValueError):
            return True
        return False
    assert refused(lambda: os.write(fd, b"x"))
    assert refused(lambda: os.ftruncate(fd, 0))
    assert refused(lambda: mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_WRITE))
    try:        # root may open anything; what it gets must be of no use
        again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    except PermissionError:
        return
    assert refused(lambda: os.pwrite(again, b"x", 0))
    assert refused(lambda: os.ftruncate(again, 0))
    assert refused(lambda: os.ftruncate(again, info.st_size * 2))
    assert refused(lambda: mmap.mmap(again, 4096, mmap.MAP_SHARED,
                                     mmap.PROT_READ | mmap.PROT_WRITE))


def test_table_has_the_documented_head_and_shows_changes_at_once(daemon):
    d = daemon()
    token = d.create(subject="ann", scopes="a,b")
    t = Table(d)
    assert (t.number("Q", 0), t.number("I", 8), t.state) == (MAGIC, 1, LIVE)
    assert t.number("Q", 40) == int(t.reply["size"])
    assert t.number("Q", 48) == int(t.reply["generation"])
    assert t.map[56:60] == b"jtn\0"
    assert b"ann" in t.map[:] and b"a,b" in t.map[:]
    value = token["token"]
    assert t.flags(value) == 1
    d.done(f"disable {token['id']}")
    assert t.flags(value) & DISABLED == DISABLED
    d.done(f"enable {token['id']}")
    assert t.flags(value) == 1
    d.done(f"revoke {token['id']}")
    assert t.flags(value) & REVOKED == REVOKED
    assert value[4:36].encode() not in t.map[:]


def test_lease_is_renewed_while_the_daemon_lives_and_not_beyond(daemon):
    d = daemon()
    t = Table(d)
    first = t.lease
    eventually(lambda: t.lease > first, "the lease is renewed", every=0.02)
    assert 0 < t.lease - time.monotonic() <= LEASE, "five seconds at most"
    with d.stopped():
        last = t.lease
        eventually(lambda: time.monotonic() > last, "it runs out when the daemon is stopped")
        assert t.lease == last
    eventually(lambda: t.lease > time.monotonic(), "and is renewed when it goes on")
    d.stop()
    assert t.state == CLOSED
    assert t.lease < time.monotonic(), "a stopped daemon's table answers nothing"
    d.start()


def test_growth_gives_a_new_table_and_marks_the_old_one(daemon):
    d = daemon()
    value = d.create()["token"]
    old = Table(d)
    d.client().pipeline(["create"] * 2000)
    assert old.state == SUPERSEDED
    new = Table(d)
    assert new.state == LIVE
    assert int(new.reply["generation"]) > int(old.reply["generation"])
    assert int(new.reply["size"]) > int(old.reply["size"])
    assert new.flags(value) == 1
    assert d.verify(value) == "OK"


def test_table_is_given_to_root_and_its_group_and_to_nobody_else(daemon):
    need_root()
    group = next(g for g in grp.getgrall() if g.gr_gid not in (0, 65534))
    d = daemon()
    d.stop()
    d.settings = (f"verify.table_group={group.gr_name}",)
    os.chmod(d.directory, 0o755)
    os.chmod(os.path.dirname(d.directory), 0o755)
    d.start()
    token = d.create()

    def outcome():
        reply, fd = received(d.path("verify"))
        return " ".join(reply.words) + (" with" if fd is not None else " without")
    assert outcome() == "OK with", "root"
    assert as_somebody(65534, [], outcome) == "ERR forbidden without", "a stranger"
    assert as_somebody(65534, [group.gr_gid], outcome) == "OK with", "a member"

    def others():
        with Client(d.path("verify")) as client:
            return " ".join([client.request(f"verify {token['token']}").verdict,
                             client.request(f"used {token['id']}").verdict])
    assert as_somebody(65534, [], others) == "OK ERR forbidden", "but it may verify"
    assert as_somebody(65534, [group.gr_gid], others) == "OK OK"


def test_sockets_let_in_whom_their_mode_allows(daemon):
    need_root()
    d = daemon()
    os.chmod(d.directory, 0o755)
    os.chmod(os.path.dirname(d.directory), 0o755)

    def ping(role):
        def act():
            with d.client(role) as client:
                return client.request("ping").verdict
        return act
    assert as_somebody(65534, [], ping("verify")) == "OK"
    for role in "admin", "observe":
        assert "PermissionError" in as_somebody(65534, [], ping(role)), role


def test_a_large_table_moves_into_huge_pages_and_answers_the_same(daemon):
    need_root()
    if fault := huge_pages_fault():
        pytest.skip(f"no huge pages for a memfd here: {fault}")
    values = [f"a value from elsewhere, number {number:08}".replace(" ", "-") for number in range(20000)]
    d = daemon()
    with d.client(patience=60) as client:
        client.pipeline(f"import token={value}" for value in values)
    for value in values[::100]:
        d.done(f"revoke token={value}")
    eventually(lambda: proc.huge_mapped(d.pid, "memfd:jeton-table") >= HUGE or huge_pages_fault(),
               "the table in a huge page", every=0.1)
    with d.client("verify") as client:
        replies = client.pipeline(f"verify {value}" for value in values)
    assert ([reply.verdict for reply in replies] ==
            ["OK" if number % 100 else "NO revoked" for number in range(len(values))])
    assert d.stat("tokens") == len(values)
