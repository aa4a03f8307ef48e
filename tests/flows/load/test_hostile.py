# SPDX-License-Identifier: Apache-2.0
"""Hostile connections: the daemon stays small, awake and fair."""
import contextlib
import errno
import resource
import select
import socket
import time

import proc
from client import Client
from daemon import Daemon
from requirements import need_plain_build, need_root
from settings import SANITIZER, scaled
from waiting import eventually, keeping_pace

GROWTH = 16 << 20       # bytes of memory that one rude client may cost


def push(client, data):
    """Send the same bytes again and again until the daemon takes no more; return how many were sent."""
    client.sock.setblocking(False)
    sent, most = 0, 256 << 20
    while sent < most and select.select([], [client.sock], [], 0.5)[1]:
        sent += client.sock.send(data)
    return sent


def test_client_that_never_reads_is_not_read_from(daemon):
    d = daemon()
    value = d.create(description="x" * 1000)["token"]
    d.client().pipeline(["create description=" + "x" * 1000] * 200)
    before = proc.rss(d.pid)
    rude = []
    for role, line in (("verify", f"verify {value}"), ("verify", "help"), ("admin", "list"),
                       ("admin", "journal"), ("admin", "export"), ("admin", "stats")):
        rude.append(d.client(role))
        sent = push(rude[-1], (line + "\n").encode() * 100)
        assert sent < 8 << 20, f"{line}: {sent} bytes were taken from a client that never reads"
    growth = proc.rss(d.pid) - before
    assert SANITIZER or growth < len(rude) * GROWTH, f"{growth} bytes"
    with d.client("verify") as client:
        assert {r.verdict for r in client.pipeline([f"verify {value}"] * 1000)} == {"OK"}
    assert d.create()["state"] == "active"
    for client in rude:
        client.close()
    eventually(lambda: int(d.stats()["connections"]) <= 3, "the rude are gone")


def test_idle_daemon_uses_no_processor(daemon):
    need_plain_build()
    d = daemon()
    clients = [d.client("verify") for _ in range(50)]
    clients[0].send_raw(b"half a li")
    watcher = d.client("observe")
    watcher.send("watch")
    rude = d.client()
    push(rude, b"list\nhelp\n" * 100)
    eventually(lambda: spent(d, 1) < 0.2, "what came before is worked off, and a second of idling takes no time")


def spent(daemon, seconds):
    before, end = proc.cpu(daemon.pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
    return proc.cpu(daemon.pid) - before


def test_half_line_is_given_up_after_the_line_timeout(daemon):
    d = daemon("daemon.line_timeout=1s")
    whole, half, slow = d.client(), d.client(), d.client()
    began = time.monotonic()
    half.send_raw(b"ping\ncreate desc")
    slow.send_raw(b"create ")
    # Dripping bytes in does not help.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):    # it may be closed before this test goes on
        while time.monotonic() < began + 0.6:
            slow.send_raw(b" ")
            time.sleep(0.1)
    for client, answers in (half, 1), (slow, 0):
        replies = client.closed(within=30)
        assert [r.verdict for r in replies[:answers]] == ["OK"] * answers
        assert all(r.verdict.startswith("ERR") for r in replies[answers:]), replies
    assert time.monotonic() - began >= 0.9, "not before its time"
    assert whole.request("ping").verdict == "OK", "an idle connection without a half line stays"
    assert d.list() == []


def test_idle_connection_is_closed_after_the_idle_timeout(daemon):
    d = daemon("daemon.idle_timeout=1s")
    watcher = d.client()
    watcher.send("watch")

    def be_busy(step):
        began = time.monotonic()
        idle, busy = d.client(), d.client()
        while time.monotonic() < began + 1.5:
            step()
            assert busy.request("ping").verdict == "OK"
            time.sleep(0.1)
        idle.closed(within=30)
        assert time.monotonic() - began >= 0.9
        assert busy.request("ping").verdict == "OK"
    keeping_pace(be_busy, 0.5)
    made = d.create()["id"]
    assert made.encode() in watcher.line(), "a watcher is not idle"


def connect_many(path, count):
    """Open as many connections as possible, without waiting."""
    found = []
    for _ in range(count):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(path)
            found.append(sock)
        except BlockingIOError:
            sock.close()        # its queue is full
    return found


def test_thousands_of_connections_at_a_small_descriptor_limit_leave_it_alive(daemon):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(scaled(4000, 300), hard - 100)
    d = daemon(limits={resource.RLIMIT_NOFILE: 128})
    token = d.create()
    early = d.client("verify")
    assert early.request(f"verify {token['token']}").verdict == "OK"
    crowd = connect_many(d.path("verify"), count)
    assert len(crowd) >= 100, len(crowd)
    assert early.request(f"verify {token['token']}").verdict == "OK", "those inside are served"
    with d.client() as admin:
        assert admin.request("ping").verdict == "OK", "the administrator gets in"
        assert admin.request("create").verdict == "OK"
    if not SANITIZER:
        eventually(lambda: spent(d, 1) < 0.4, "it does not spin")
    assert proc.descriptors(d.pid) <= 128
    for sock in crowd:
        sock.close()
    def served():
        try:
            with d.client("verify") as client:
                return client.request(f"verify {token['token']}").verdict == "OK"
        except OSError as error:
            assert error.errno in (errno.EPIPE, errno.ECONNRESET), error
    eventually(served, "newcomers are served again", every=0.05)


def test_table_of_open_files_has_its_full_size_from_the_start(daemon):
    """To grow it later, the thread that accepts would wait for all processors."""
    d = daemon("daemon.max_connections=300")
    assert proc.status(d.pid, "FDSize") >= 300


def crowd_until_refused(path, most):
    """Open one connection after the other until one is refused."""
    inside = []
    for _ in range(most):
        client = Client(path)
        try:
            reply = client.request("ping")
        except (BrokenPipeError, ConnectionResetError):
            reply = client.reply()      # refused before anything was sent
        if reply.verdict != "OK":
            return inside, client, reply
        inside.append(client)
    raise AssertionError(f"{most} connections, and none was refused")


def test_connections_beyond_a_cap_get_an_error_and_are_closed():
    for setting in "max_connections_per_uid", "max_connections":
        with Daemon(f"daemon.{setting}=8") as d:
            inside, refused, reply = crowd_until_refused(d.path("verify"), 20)
            assert reply.verdict == "ERR busy", setting
            assert refused.closed() == []
            assert 4 <= len(inside) <= 8, len(inside)
            assert {client.request("ping").verdict for client in inside} == {"OK"}
            inside.pop().close()

            def admitted():
                newcomers, *_ = crowd_until_refused(d.path("verify"), 20)
                inside.extend(newcomers)
                return newcomers
            eventually(admitted, "a place that is free is given again", every=0.05)
            for client in inside:
                client.close()
            assert int(d.stats()["connections_refused"]) > 0


def test_descriptors_smuggled_in_are_not_kept(daemon):
    need_root()
    d = daemon()
    with d.client("verify") as client:
        assert client.request("ping").verdict == "OK"
        before = proc.descriptors(d.pid)
        with open("/dev/null") as null:
            for _ in range(100):
                socket.send_fds(client.sock, [b"ping\n"], [null.fileno()] * 20)
                assert client.reply().verdict == "OK"
            eventually(lambda: proc.descriptors(d.pid) <= before, "none is kept")
            socket.send_fds(client.sock, [b"pi"], [null.fileno()] * 200)
            client.send_raw(b"ng\n")
            assert client.reply().verdict == "OK"
        eventually(lambda: proc.descriptors(d.pid) <= before, "none is kept")


def test_descriptors_and_memory_do_not_leak_over_many_connections(daemon):
    d = daemon()
    value = d.create()["token"]

    def round_trips(count):
        for number in range(count):
            with d.client(("verify", "observe", "admin")[number % 3]) as client:
                client.send(f"verify {value}", "help", "table")
                if number % 2:
                    assert client.reply().verdict == "OK"
    round_trips(200)
    eventually(lambda: int(d.stats()["connections"]) == 1, "all are gone")
    descriptors, rss = proc.descriptors(d.pid), proc.rss(d.pid)
    round_trips(scaled(3000, 300))
    eventually(lambda: int(d.stats()["connections"]) == 1, "all are gone")
    eventually(lambda: proc.descriptors(d.pid) <= descriptors, "no descriptor is left")
    assert SANITIZER or proc.rss(d.pid) - rss < 4 << 20, f"{rss} -> {proc.rss(d.pid)}"


def test_connections_that_vanish_in_the_middle_do_no_harm(daemon):
    d = daemon()
    d.client().pipeline(["create description=" + "x" * 500] * 2000, within=30)
    for number in range(scaled(60, 6)):
        lister, changer, watcher = d.client(), d.client(), d.client()
        lister.send("list", "journal", "export")
        lister.line()
        changer.send(*["create description=changer"] * 50)
        watcher.send("watch after=0")
        watcher.line()
        if number % 3 == 0:
            changer.finish()
        for client in lister, changer, watcher:
            client.close()
    assert d.done("ping").verdict == "OK"
    eventually(lambda: int(d.stats()["connections"]) == 1, "all are gone", every=0.05)
    made = int(d.done("create") and d.stats()["tokens"]) - 2001
    assert made in range(0, 50 * scaled(60, 6) + 1), made
    assert len(d.done("journal").data) == 2001 + made, "tokens and journal agree"
