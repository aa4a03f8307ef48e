# SPDX-License-Identifier: Apache-2.0
"""The table as it is handed out: sealed, read-only, alive, and only to users who may have it."""
import ctypes
import fcntl
import grp
import mmap
import os
import resource
import signal
import socket
import struct
import threading
import time

import pytest

import proc
from client import Client, Closed, Fields
from daemon import Daemon
from library import Handle, library
from requirements import need_root
from value import digest_of
from waiting import eventually

MAGIC = 0x31626174656e6f74
SEALS = 0x01 | 0x02 | 0x04 | 0x10           # SEAL SHRINK GROW FUTURE_WRITE
LEASE_AT, STATE_AT = 128, 136
LIVE, SUPERSEDED, CLOSED = 1, 2, 3
DISABLED, REVOKED = 4, 8
LEASE = 5                                   # seconds
GROUP = 133700                              # a number that no group needs to have
HUGE, MAP_FIXED, MADV_COLLAPSE = 2 << 20, 0x10, 25


def received(path):
    """Return the reply to `table`, and the descriptor received with it or None."""
    with Client(path) as client:
        client.send("table")
        data, descriptors, _, _ = socket.recv_fds(client.sock, 65536, 4)
        assert data.endswith(b"\n") and len(descriptors) <= 1, (data, descriptors)
        return Fields(data[:-1]), descriptors[0] if descriptors else None


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
        """Return the flags of the slot that holds a value's digest; None: no slot does."""
        slots, bits = self.number("Q", 16), self.number("I", 12)
        at = self.map.find(digest_of(value), slots, slots + (64 << bits))
        if at < 0:
            return None
        assert (at - slots) % 64 == 8, "place in the slot"
        return self.number("I", at - 4)


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
    eventually(lambda: t.lease > first, "the lease is renewed", within=4, every=0.02)
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
    d.client().pipeline(["create"] * 2000, within=30)
    assert old.state == SUPERSEDED
    new = Table(d)
    assert new.state == LIVE
    assert int(new.reply["generation"]) > int(old.reply["generation"])
    assert int(new.reply["size"]) > int(old.reply["size"])
    assert new.flags(value) == 1
    assert d.verify(value) == "OK"


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


def test_member_of_the_table_group_with_65536_groups_has_the_table(daemon):
    need_root()
    with DaemonOfGroup(f"[verify]\ntable_group = {GROUP}\n") as d:
        def outcome():
            reply, fd = received(d.path("verify"))
            return " ".join(reply.words) + (" with" if fd is not None else " without")
        many = [gid for gid in range(100000, 100000 + 65536) if gid != GROUP]
        assert as_somebody(65534, many, outcome) == "ERR forbidden without", "no member"
        assert as_somebody(65534, [GROUP, *many[1:]], outcome) == "OK with", "a member"


def test_reload_with_another_table_group_ends_the_table_of_those_who_lost_it(daemon):
    need_root()
    need_library()
    with DaemonOfGroup(f"[verify]\ntable_group = {GROUP}\n") as d:
        token = d.create()

        def act():
            handle = Handle(d.path("verify"))
            table = Table(d)
            before = handle.verify(token["token"]), table.state
            os.write(writer, b"x")
            eventually(lambda: table.state != LIVE, "it is recalled")
            return repr((before, handle.verify(token["token"]), received(d.path("verify"))[0].words))
        reader, writer = os.pipe()
        reloader = threading.Thread(target=lambda: (
            os.read(reader, 1), d.configure(f"[verify]\ntable_group = {GROUP + 1}\n"), d.reload()))
        reloader.start()
        outcome = as_somebody(65534, [GROUP], act)
        reloader.join()
        assert outcome == repr(((("OK", "table"), LIVE), ("OK", "daemon"), ["ERR", "forbidden"]))
        generation = d.stats()["table_generation"]
        d.reload()      # nothing changed: nothing is made anew
        eventually(lambda: d.log().count("configuration reloaded") == 2, "it is read again")
        assert d.stats()["table_generation"] == generation


def test_descriptor_that_is_not_taken_in_counts_against_its_users_connections(daemon):
    d = daemon("daemon.max_connections_per_uid=4")
    eventually(lambda: d.stat("connections") == 1, "those of the start are closed")
    parked = [Client(d.path("verify")) for _ in range(4)]
    for client in parked:
        client.send("table", "quit")
    for client in parked:
        eventually(lambda: not client.silent(), "it is answered")

    def admitted():
        try:
            with Client(d.path("verify")) as client:
                return client.request("ping").verdict == "OK"
        except (Closed, OSError):
            return False
    end = time.monotonic() + 1.5
    while time.monotonic() < end:       # longer than the daemon needs to close what it can
        assert not admitted(), "closed, with the descriptors still under way"
        time.sleep(0.1)
    parked[0].close()
    assert socket.recv_fds(parked[1].sock, 65536, 4)[1], "one is taken in"
    eventually(admitted, "their places are free again", every=0.05)
    for client in parked:
        client.close()


def test_table_is_refused_in_words_when_too_many_descriptors_are_under_way():
    """The kernel counts them for each user: here, those of another process."""
    need_root()
    with Daemon("daemon.max_connections=20", uid=65534, limits={resource.RLIMIT_NOFILE: 160}) as d:
        os.chmod(d.directory, 0o755)
        value = d.create()["token"]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            os.setgroups([])
            os.setresuid(65534, 65534, 65534)
            pairs = [socket.socketpair() for _ in range(100)]
            for one, _ in pairs:
                for _ in range(2):
                    socket.send_fds(one, [b"x"], [0, 0])
            os.write(writer, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(reader, 1)
        with Client(d.path("verify")) as client:
            replies = client.pipeline(["table", "ping", f"verify {value}"])
            assert [reply.verdict for reply in replies] == ["ERR busy", "OK", "OK"]
        if library() is not None:
            handle = Handle(d.path("verify"))
            assert handle.verify(value) == ("OK", "daemon")
            handle.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        eventually(lambda: received(d.path("verify"))[0].words == ["OK"], "it is passed again", every=0.05)


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
