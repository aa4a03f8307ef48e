# SPDX-License-Identifier: Apache-2.0
"""Who jeton-web serves: other users of the host can connect, too, and may know the secret.  All of it by both ways
in which the kernel tells whose a connection is."""
import contextlib
import os
import re
import resource
import socket

import pytest

import proc
from preload import built
from requirements import need_plain_build, need_root
from settings import PATIENCE
from users import ANN, BOB, UserDaemon, as_user
from waiting import eventually
from web import Web

CREATE = "create description=stolen\nquit\n"
NONCE = "5a" * 32
READ = "who connects is read from /proc/net/tcp"


@pytest.fixture(params=["asked", "read"])
def sight(request):
    """The environment in which each way is taken: the kernel is asked for one connection, or its table is read."""
    return {} if request.param == "asked" else {"LD_PRELOAD": built("no_diag")}


def proof(w):
    return w.head("POST /proof HTTP/1.1", f"Origin: {w.origin}", f"Jeton-Nonce: {NONCE}", "Content-Length: 0")


def ask(w, uid, data, address="127.0.0.1"):
    """Send a request as another user: the kernel notes who makes a socket.  Return status and body."""
    with as_user(uid, lambda: socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)) as sock:
        sock.settimeout(20 * PATIENCE)
        sock.connect((address, w.port))
        sock.sendall(data)
        answer = b""
        while more := sock.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def status(*arguments):
    return ask(*arguments)[0]


def test_another_user_gets_nothing_but_the_page(daemon, web, sight):
    need_root()
    d = daemon()
    w = web(d, extra=sight)
    assert (READ in w.log()) == bool(sight)
    assert status(w, BOB, w.get()) == 200
    assert status(w, BOB, w.post(CREATE, secret=False)) == 401
    assert status(w, BOB, w.post(CREATE, secret=w.secret[:-1] + ("A" if w.secret[-1] != "A" else "B"))) == 401
    assert status(w, BOB, w.post(CREATE)) == 403, "who has seen the link is not its owner"
    assert w.exchange("ping") == "OK\nOK\n"
    eventually(lambda: f"uid {BOB} has the link" in w.log(), "the owner reads of it")
    assert d.list() == [] and w.secret not in w.log()


def test_proof_is_for_the_owner_alone_and_cannot_be_relayed(daemon, web, sight):
    need_root()
    w = web(daemon(), extra=sight)
    mine = w.prove(NONCE)
    assert re.fullmatch("[0-9a-f]{64}", mine)
    answer, body = ask(w, BOB, proof(w))
    assert answer == 403 and mine.encode() not in body
    eventually(lambda: f"uid {BOB} asked for what only your own page may have" in w.log(), "the owner reads of it")
    for _ in range(20):
        assert status(w, BOB, proof(w)) == 403
    assert w.log().count("only your own page") == 1, "at most once a minute"
    assert w.prove(NONCE) == mine


def test_owner_who_is_not_root_is_told_from_others(daemon, sight):
    d = UserDaemon(daemon)
    with Web(d.path, uid=ANN, extra=sight) as w:
        assert {uid: (status(w, uid, proof(w)), status(w, uid, w.post("create\nquit\n"))) for uid in (ANN, BOB, 0)} == {
            ANN: (200, 200), BOB: (403, 403), 0: (200, 200)}
        assert "not show" not in w.log() and (READ in w.log()) == bool(sight)
    eventually(lambda: {line["by"] for line in d.daemon.list()} == {f"uid:{ANN}"}, "all is done as the owner")


@pytest.mark.parametrize("listen, address", [("[::1]:0", "::1"), ("127.0.0.1:0", "::ffff:127.0.0.1")])
def test_others_are_told_apart_over_ipv6_sockets_too(daemon, web, sight, listen, address):
    need_root()
    d = daemon()
    w = web(d, "--listen", listen, extra=sight)
    assert status(w, BOB, w.post(CREATE), address) == status(w, BOB, proof(w), address) == 403
    assert status(w, 0, w.post("ping\nquit\n"), address) == status(w, 0, proof(w), address) == 200
    assert d.list() == [] and "cannot be found out" not in w.log() and (READ in w.log()) == bool(sight)


def test_user_who_became_root_by_sudo_may_use_the_page(daemon, web, sight):
    need_root()
    w = web(daemon(), extra={"SUDO_UID": str(BOB)} | sight)
    assert status(w, BOB, w.post("ping\nquit\n")) == 200
    assert status(w, BOB, proof(w)) == 200 and status(w, ANN, proof(w)) == 403


def test_connection_whose_maker_is_gone_is_nobodys(daemon, web, sight):
    """Sent, and left at once: no process holds the other end any more when the request is judged."""
    need_root()
    d = daemon()
    w = web(d, extra=sight)
    with proc.stopped(w.pid):
        with w.connect() as connection:
            connection.send(w.post(CREATE))
    eventually(lambda: "somebody who cannot be found out has the link" in w.log(), "it is refused")
    assert d.list() == []


# -- what others can cost --------------------------------------------------------------------------

@contextlib.contextmanager
def open_connections(uid, count, backlog=100):
    """Have another user hold so many connections: twice as many sockets."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for number in range(count):
            if number % backlog == 0:
                listener = held.enter_context(as_user(uid, socket.socket))
                listener.bind(("127.0.0.1", 0))
                listener.listen(backlog)
            held.enter_context(as_user(uid, socket.socket)).connect(listener.getsockname())
        yield


def test_neighbour_who_takes_all_places_does_not_end_what_the_owner_has_begun(daemon, web):
    need_root()
    w = web(daemon())
    with contextlib.ExitStack() as held:
        page, request = (held.enter_context(w.connect()) for _ in range(2))
        page.send(w.get()[:20])
        request.send(proof(w)[:20])
        for _ in range(500):
            held.enter_context(as_user(BOB, w.connect)).send(b"GET / HTTP/1.1\r\n")
        assert status(w, 0, w.get()) == 200
        page.send(w.get()[20:])
        request.send(proof(w)[20:])
        assert page.response().status == request.response().status == 200
        mine = [held.enter_context(w.connect()) for _ in range(300)]
        assert mine[-1].ask(w.get()).status == 200, "where all are the owner's, the oldest ends"


def test_work_for_a_proof_does_not_grow_with_the_connections_of_the_host(daemon, web):
    need_root()
    need_plain_build()
    w = web(daemon())

    def cost():
        """Seconds of processor time of the server for 200 proofs."""
        before = proc.ran(w.pid)
        for _ in range(200):
            assert status(w, BOB, proof(w)) == 403
        return proc.ran(w.pid) - before
    alone = min(cost(), cost())
    with open_connections(BOB, 5000):
        among = min(cost(), cost())
    assert alone > 0 and among < 3 * alone + 0.05, f"{among} s, and {alone} s without the connections"
