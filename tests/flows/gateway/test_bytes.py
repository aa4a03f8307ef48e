# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes: what is refused, how connections go on, pipelining, bodies that may follow or not."""
import socket
import threading
import time

from gateway import bearer, request
from proc import stopped
from waiting import eventually

HOST = "Host: x"


def heads(token):
    """Return heads that are no requests, each with a good token."""
    good = request("/verify/api", bearer(token))
    crlf = b"\r\n"
    return {
        "bare LF": good.replace(crlf, b"\n"),
        "one bare LF": good.replace(b"x\r\n", b"x\n"),
        "an empty line with a bare LF": good[:-2] + b"\n",
        "a bare CR": request("/verify/api", b"A: b\rC: d", bearer(token)),
        "a folded field": request("/verify/api", bearer(token), "A: b", " c"),
        "a folded token": request("/verify/api", "Authorization: Bearer", f" {token}"),
        "a field that begins with a tab": request("/verify/api", "\tA: b", bearer(token)),
        "a space before the colon": request("/verify/api", f"Authorization : Bearer {token}"),
        "a field without a name": request("/verify/api", ": b", bearer(token)),
        "a field without a colon": request("/verify/api", "A", bearer(token)),
        "a name with a space": request("/verify/api", "A B: c", bearer(token)),
        "NUL in another field": request("/verify/api", b"A: b\0c", bearer(token)),
        "NUL in a name": request("/verify/api", b"A\0: c", bearer(token)),
        "NUL in the target": request("/verify/api\0", bearer(token)),
        "no Host": request("/verify/api", bearer(token), host=None),
        "two Hosts": request("/verify/api", HOST, bearer(token)),
        "two lengths": request("/verify/api", "Content-Length: 0", "Content-Length: 0", bearer(token)),
        "a length and chunks": request("/verify/api", "Content-Length: 3", "Transfer-Encoding: chunked", bearer(token)),
        "another coding": request("/verify/api", "Transfer-Encoding: gzip, chunked", bearer(token)),
        "a signed length": request("/verify/api", "Content-Length: +1", bearer(token)),
        "a list of lengths": request("/verify/api", "Content-Length: 1, 1", bearer(token)),
        "a huge length": request("/verify/api", "Content-Length: 18446744073709551616", bearer(token)),
        "HTTP/2": request("/verify/api", bearer(token), version="2.0"),
        "HTTP/0.9": b"GET /verify/api\r\n\r\n",
        "two spaces": request("  /verify/api", bearer(token)),
        "an absolute target": request("http://x/verify/api", bearer(token)),
        "a fragment": request("/verify/api#x", bearer(token)),
        "an empty line in front": crlf + good,
        "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }


def test_what_is_no_request_gets_400_and_the_connection_ends(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    good = request("/verify/api", bearer(token))
    for name, head in heads(token).items():
        with g.connect() as connection:
            connection.send(good + head + good)
            assert connection.response().status == 200, name
            response = connection.response()
            assert (response.status, response.get("connection")) == (400, "close"), name
            assert connection.is_closed(), name
    assert g.metric("heads_bad_total") == len(heads(token))
    assert token not in g.log()


def test_a_head_of_more_than_16_kib_or_128_fields_is_refused(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    plain = len(request("/verify/api", bearer(token), "A: "))
    fits = request("/verify/api", bearer(token), "A: " + "x" * (16384 - plain))
    assert len(fits) == 16384
    for head, status in ((fits, 200), (request("/verify/api", bearer(token), "A: " + "x" * (16385 - plain)), 431),
                         (request("/verify/api", bearer(token), *["A: b"] * 126), 200),
                         (request("/verify/api", bearer(token), *["A: b"] * 127), 431)):
        with g.connect() as connection:
            assert connection.ask(head).status == status
            if status != 200:
                assert connection.is_closed()
    with g.connect() as connection:         # and no more is read of what never ends
        connection.send(b"GET /verify/api HTTP/1.1\r\n")
        try:
            for _ in range(1024):
                connection.send(b"A: " + b"x" * 1021)
        except OSError:
            pass
        assert connection.response().status == 431


def test_a_connection_is_kept(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    with g.connect() as connection:
        for _ in range(100):
            response = connection.ask(request("/verify/api", bearer(token)))
            assert (response.status, response.get("connection")) == (200, None)
            assert connection.ask(request()).status == 401, "a refusal does not end it"
        response = connection.ask(request("/verify/api", bearer(token), "Connection: keep-alive", version="1.0", host=None))
        assert (response.status, response.get("connection")) == (200, "keep-alive")
        response = connection.ask(request("/verify/api", bearer(token), "Connection: close"))
        assert (response.status, response.get("connection")) == (200, "close")
        assert connection.is_closed()
    with g.connect() as connection:
        assert connection.ask(request("/verify/api", bearer(token), version="1.0")).get("connection") == "close"
        assert connection.is_closed()


def test_pipelined_requests_are_answered_in_order(daemon, gateway):
    d = daemon()
    g = gateway(d, config="[site api]\n[site scoped]\nscope = x\n")
    good, poor = d.create(scopes="x"), d.create()
    pattern = [("/verify/api", good, 200), ("/verify/scoped", good, 200), ("/verify/scoped", poor, 403),
               ("/verify/none", good, 404), ("/verify/api", {"token": "x" * 40}, 401)] * 400
    with g.connect() as connection:
        data = b"".join(request(target, bearer(token["token"])) for target, token, _ in pattern)
        sender = threading.Thread(target=connection.send, args=[data])     # it would wait for us to read
        sender.start()
        for target, token, status in pattern:
            response = connection.response()
            assert response.status == status, (target, response)
            if status == 200:
                assert response.get("x-jeton-id") == token["id"]
        sender.join()


def test_pieces_of_a_request_are_put_together(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    data = request("/verify/api", bearer(token)) * 3
    with g.connect() as connection:
        for i in range(len(data)):
            connection.send(data[i:i + 1])
        for _ in range(3):
            assert connection.response().status == 200


def test_a_client_that_sends_no_more_still_gets_its_answers(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    for count in 1, 40:
        with g.connect() as connection:
            with stopped(g.process.pid):        # it sees the requests and their end at once
                connection.send(request("/verify/api", bearer(token)) * count)
                connection.sock.shutdown(socket.SHUT_WR)
            for _ in range(count):
                assert connection.response().status == 200
            assert connection.is_closed()


def test_a_body_is_never_read_as_a_request(daemon, gateway):
    """Whoever may choose the body of a request could otherwise choose the answer to another's."""
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    smuggled = request("/verify/api", bearer(token))
    for fields in ([f"Content-Length: {len(smuggled)}"], ["Content-Length: 1"], ["Transfer-Encoding: chunked"],
                   ["Content-Length: 99999999", "Expect: 100-continue"]):
        with g.connect() as connection:
            connection.send(request("/verify/api", *fields, method="POST") + smuggled + smuggled)
            response = connection.response()
            assert (response.status, response.get("connection")) == (401, "close"), fields
            assert connection.is_closed(), fields
    with g.connect() as connection:     # it is not waited for
        response = connection.ask(request("/verify/api", bearer(token), "Content-Length: 1000"))
        assert (response.status, response.get("connection")) == (200, "close")


def test_a_response_arrives_even_if_the_client_goes_on_sending(daemon, gateway):
    g = gateway(daemon())
    with g.connect() as connection:
        connection.send(b"nonsense\r\n\r\n" + b"x" * 200000)
        assert connection.response().status == 400
        assert connection.is_closed()
    eventually(lambda: g.metric("connections") == 1, "it is closed")


def test_a_client_that_reads_nothing_holds_back_only_itself(daemon, gateway):
    d = daemon()
    g = gateway(d, "gateway.head_timeout=2s")
    token = d.create()["token"]
    data = request("/verify/api", bearer(token)) * 64
    with g.connect() as greedy:
        greedy.sock.settimeout(0.5)
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 30:
                greedy.send(data)
        except OSError:
            pass
        for _ in range(10):
            assert g.verify(token).status == 200
        eventually(lambda: g.metric("connections") == 1, "it is closed, as it takes no responses", 20)
