# SPDX-License-Identifier: Apache-2.0
"""jeton-web attacked: by pages of other sites, by other users of the host, by requests that are read in two ways."""
import os
import time

import pytest

import proc
from requirements import need_plain_build
from settings import PATIENCE, SANITIZER
from waiting import eventually
from web import PAGE, Stream

CONFINING = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                               "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; "
                               "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store", "connection": "close",
}
CREATE = "create description=smuggled\nquit\n"


def made(d):
    return len(d.list())


# -- the page ------------------------------------------------------------------------------------

def test_page_is_served_to_all_and_every_answer_is_confined(daemon, web):
    w = web(daemon())
    page = w.ask(w.get())
    with open(f"{PAGE}/index.html", "rb") as file:
        assert (page.status, page.body) == (200, file.read())
    assert page.get("content-type") == "text/html; charset=utf-8"
    answers = [page, w.ask(w.get("/none")), w.ask(w.get(host="evil.example")), w.ask(w.post("ping\n", secret=False)),
               w.ask(w.post("ping\nquit\n")), w.ask(w.get(method="OPTIONS")), w.ask(b"nonsense\r\n\r\n")]
    assert [one.status for one in answers] == [200, 404, 403, 401, 200, 405, 400]
    for answer in answers:
        assert {name: answer.get(name) for name in CONFINING} == CONFINING, answer
        assert not [name for name in answer.fields if name.startswith("access-control-")], "no CORS"
        assert answer.get("set-cookie") is None


def test_every_file_of_the_page_is_served_and_nothing_else(daemon, web):
    d = daemon()
    directory = f"{d.directory}/page"
    os.makedirs(f"{directory}/sub.js")
    for name in "index.html", "app.js", "m.mjs", "a_b-1.css", "x.svg", ".hidden.js", "Upper.js", "notes.txt", "x.js~", "sub.js/y.js":
        with open(f"{directory}/{name}", "w") as file:
            file.write(f"this is {name}")
    os.symlink("/etc/passwd", f"{directory}/link.js")
    os.mkfifo(f"{directory}/fifo.js")
    w = web(d, "--page", directory)
    for name, kind in (("app.js", "text/javascript; charset=utf-8"), ("m.mjs", "text/javascript; charset=utf-8"),
                       ("a_b-1.css", "text/css; charset=utf-8"), ("x.svg", "image/svg+xml")):
        answer = w.ask(w.get(f"/{name}"))
        assert (answer.status, answer.get("content-type"), answer.body.decode()) == (200, kind, f"this is {name}")
    head = w.ask(w.get("/app.js", method="HEAD")[:-2] + b"\r\n")
    assert (head.status, head.get("content-length"), head.body) == (200, "14", b"")
    with open(f"{directory}/late.js", "w") as file:
        file.write("came later")
    for target in (".hidden.js", "Upper.js", "notes.txt", "x.js~", "sub.js", "sub.js/y.js", "link.js", "fifo.js", "late.js",
                   "../log", "./app.js", "/app.js", "app.js?x", "app.js/", "%61pp.js", "..%2flog", "app.js%00", "/etc/passwd"):
        assert w.status(w.get(f"/{target}")) == 404, target
    assert w.status(w.get("app.js")) == w.status(w.get("http://127.0.0.1/")) == 400


def test_exchange_is_answered_as_the_socket_does_and_recorded_as_ours(daemon, web):
    d = daemon()
    w = web(d)
    answer = w.exchange("hello", 'create description="by the page"', "nonsense", "list").splitlines()
    assert "role=admin" in answer[0] and answer[1].startswith("OK id=") and answer[2].startswith("ERR ")
    assert answer[-2:] == ["OK count=1", "OK"] or answer[-1] == "OK"
    [token] = d.list()
    assert (token["description"], token["by"]) == ("by the page", f"uid:{os.getuid()}")
    assert "role=observe" in web(d, role="observe").exchange("hello")


# -- pages of other sites --------------------------------------------------------------------------

def test_name_that_was_rebound_to_loopback_is_refused(daemon, web):
    d = daemon()
    w = web(d)
    for host in ("evil.example", f"evil.example:{w.port}", "127.0.0.1", f"127.0.0.1:{w.port + 1}", f"127.0.0.1.:{w.port}",
                 f"127.0.0.2:{w.port}", f"x@127.0.0.1:{w.port}", f"[::1]:{w.port}", f"2130706433:{w.port}", f"0:{w.port}",
                 f"localhost:{w.port}"):
        assert w.status(w.get(host=host)) == 403, host
        assert w.status(w.post(CREATE, host=host)) == 403, host
        assert w.status(w.post(CREATE, host=host, origin=f"http://{host}")) == 403, host
    assert w.status(w.get(host=False)) == w.status(w.get("/", f"Host: {w.host}")) == 400
    assert made(d) == 0


def test_other_sites_are_refused_though_they_know_the_secret(daemon, web):
    d = daemon()
    w = web(d)
    for origin in ("http://evil.example", "null", f"https://{w.host}", f"http://127.0.0.1:{w.port + 1}", "http://127.0.0.1",
                   f"http://localhost:{w.port}", f"{w.origin}/", f"{w.origin}.evil.example", f"{w.origin}, {w.origin}"):
        assert w.status(w.post(CREATE, origin=origin)) == 403, origin
        assert w.status(w.get("/", f"Origin: {origin}")) == 403, origin
    assert w.status(w.post(CREATE, origin=False)) == 403
    assert w.status(w.post(CREATE, f"Origin: {w.origin}")) == 403, "twice"
    for site in "cross-site", "same-site", "none", "other":
        assert w.status(w.post(CREATE, f"Sec-Fetch-Site: {site}")) == 403, site
    for method in "OPTIONS", "GET", "PUT", "DELETE", "TRACE", "post":
        data = w.post(CREATE).replace(b"POST", method.encode(), 1)
        answer = w.ask(data)
        assert (answer.status, answer.get("allow")) == (405, "POST"), method
    preflight = w.get("/exchange", "Origin: http://evil.example", "Access-Control-Request-Method: POST",
                      "Access-Control-Request-Headers: authorization", method="OPTIONS")
    assert w.status(preflight) == 403
    assert made(d) == 0


def test_page_is_not_framed_or_loaded_by_others_but_links_lead_to_it(daemon, web):
    w = web(daemon())

    def status(target, mode, dest, site="cross-site"):
        return w.status(w.get(target, f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Dest: {dest}"))
    assert status("/", "navigate", "document") == 200
    for dest in "iframe", "frame", "embed", "object":
        assert status("/", "navigate", dest) == 403, dest
    assert status("/", "no-cors", "script") == status("/index.html", "no-cors", "image", "same-site") == 403
    assert status("/index.html", "navigate", "document") == 403
    assert status("/index.html", "cors", "script", "same-origin") == 200


# -- secrets ---------------------------------------------------------------------------------------

def test_secret_is_taken_from_authorization_alone(daemon, web):
    d = daemon()
    w = web(d)
    for data in (w.post(CREATE, f"Cookie: secret={w.secret}", secret=False), w.post(CREATE + w.secret, secret=False),
                 w.post(CREATE, f"X-Authorization: Bearer {w.secret}", secret=False),
                 w.post(CREATE, f"Authorization: Basic {w.secret}", secret=False),
                 w.post(CREATE, f"Authorization: Bearer {w.secret}"), w.post(CREATE, secret=w.secret + "x"),
                 w.post(CREATE, secret=w.secret.swapcase())):
        assert w.status(data) == 401, data
    assert w.status(w.post(CREATE, secret=False).replace(b"/exchange", b"/exchange?" + w.secret.encode())) == 405
    assert made(d) == 0


def test_secret_of_an_ended_process_opens_nothing(daemon, web):
    d = daemon()
    first = web(d)
    replay = first.post(CREATE)
    first.stop()
    second = web(d, "--listen", f"127.0.0.1:{first.port}")
    assert second.origin == first.origin and second.secret != first.secret
    assert second.status(replay) == 401
    assert made(d) == 0


def test_wrong_secrets_are_slowed_counted_and_hold_up_nobody_who_is_right(daemon, web):
    w = web(daemon())
    wrong = w.post(CREATE, secret="x" * 43)
    taken = []
    for _ in range(4):
        begin = time.monotonic()
        assert w.status(wrong) == 401
        taken.append(time.monotonic() - begin)
    assert taken[3] > 0.75 and sum(taken) > 1.4, taken      # its clock is coarse
    guesses = [w.connect() for _ in range(60)]
    for one in guesses:
        one.send(wrong)
    refused = guesses[40]
    assert Stream(refused).response.status == 429, "no more than 32 wait"
    begin = time.monotonic()
    for _ in range(20):
        assert w.exchange("ping") == "OK\nOK\n"
    assert time.monotonic() - begin < 3 * PATIENCE, "the next guess waits 3.2 s"
    for one in guesses:
        one.close()
    eventually(lambda: "wrong secret" in w.log(), "they are logged")
    assert w.log().count("wrong secret") == 1, "at most once a minute"
    assert "x" * 43 not in w.log()


# -- requests that are read in two ways --------------------------------------------------------------

def test_second_request_is_never_smuggled(daemon, web):
    d = daemon()
    w = web(d)
    second = w.post(CREATE)
    body = b"ping\nquit\n"
    first = w.post(body)
    head = first[:-len(body)]

    def with_field(field):
        return head[:-2] + field + b"\r\n\r\n"
    length = f"Content-Length: {len(body)}".encode()
    attacks = {
        "pipelined behind a body": first + second,
        "pipelined behind a GET": w.get() + second,
        "two lengths": with_field(length) + body + second,
        "two lengths that differ": with_field(b"Content-Length: 0") + second,
        "a list of lengths": w.post(body, length=f"{len(body)}, {len(body)}") + second,
        "a length with a sign": w.post(body, length=f"+{len(body)}") + second,
        "a negative length": w.post(body, length="-1") + second,
        "a hexadecimal length": w.post(body, length="0xa") + second,
        "a length with an underscore": w.post(body, length="1_0") + second,
        "an enormous length": w.post(body, length="18446744073709551626") + second,
        "no length": w.post(body, length=False) + second,
        "no body": w.post(b"", length=0) + second,
        "chunks and a length": with_field(b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + second,
        "chunks": w.post(b"", "Transfer-Encoding: chunked", length=False) + b"0\r\n\r\n" + second,
        "an unknown coding": w.post(body, "Transfer-Encoding: xchunked") + second,
        "a hidden coding": w.post(body, "Transfer-Encoding : chunked") + second,
        "a folded coding": w.post(body, "X: y\r\n Transfer-Encoding: chunked") + second,
        "a bare LF": first.replace(b"\r\n", b"\n", 1) + second,
        "bare LFs": first.replace(b"\r\n", b"\n") + second,
        "a bare CR": w.post(body, "X: a\rContent-Length: 0") + second,
        "a NUL": w.post(body, b"X: a\0b") + second,
        "a space before a colon": w.post(body, "Content-Length : 3", length=False) + second,
        "a line that is no field": w.post(body, "nonsense") + second,
        "an empty line first": b"\r\n" + first + second,
        "a body of a GET": w.get("/", f"Content-Length: {len(second)}") + second,
        "HTTP/1.0": first.replace(b"HTTP/1.1", b"HTTP/1.0", 1) + second,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + second,
        "to wait for a 100": w.post(body, "Expect: 100-continue") + second,
    }
    for name, data in attacks.items():
        answer = w.ask(data)
        assert answer.status in ((200,) if name == "pipelined behind a GET" else (400, 411, 413, 417, 505)), (name, answer)
    assert made(d) == 0
    assert w.exchange("ping") == "OK\nOK\n"


def test_what_comes_after_the_body_ends_the_exchange(daemon, web):
    d = daemon()
    w = web(d)
    connection, stream = w.stream("watch after=0")
    with connection:
        assert stream.response.status == 200
        d.create()
        assert "event=create" in stream.line()
        connection.send(w.post(CREATE))
        with pytest.raises((EOFError, ConnectionResetError)):
            while stream.chunk():
                pass
    assert made(d) == 1


def test_lines_of_64_kib_are_taken_and_more_are_not(daemon, web):
    d = daemon()
    w = web(d)
    ping, rest = b"ping\n", b"quit\n"
    most = ping * ((65536 - len(rest)) // len(ping)) + rest
    most = b"\n" * (65536 - len(most)) + most
    assert len(most) == 65536
    answer = w.ask(w.post(most))
    assert (answer.status, answer.body) == (200, b"OK\n" * (most.count(ping) + 1))
    assert w.status(w.post(b"\n" + most)) == 413
    assert w.status(w.post(b"", length=2 ** 62)) == 413
    assert w.status(w.get("/", "X: " + "y" * 17000)) == 431
    assert w.status(w.get("/", *["X: y"] * 200)) == 431


# -- many and slow clients -----------------------------------------------------------------------

def test_slow_clients_are_ended_and_cost_little(daemon, web):
    d = daemon()
    w = web(d)
    watch, entries = w.stream("watch after=0")
    idle, head, body = w.connect(), w.connect(), w.connect()
    head.send(w.get()[:20])
    body.send(w.post("ping\nquit\n")[:-3])
    begin = time.monotonic()
    used = proc.cpu(w.pid)
    for one in head, body:
        assert Stream(one).response.status == 408
    assert idle.is_closed(), "one that a browser opened in advance"
    with watch:
        d.create()
        assert "event=create" in entries.line(), "a watch has no deadline"
    assert 8 < time.monotonic() - begin < 20 * PATIENCE
    assert proc.cpu(w.pid) - used < 1


def test_nobody_takes_all_places(daemon, web):
    w = web(daemon())
    w.exchange("ping")
    before = proc.rss(w.pid)
    others = [w.connect() for _ in range(400)]
    for one in others:
        one.send(b"GET / HTTP/1.1\r\n")
    assert w.exchange("ping") == "OK\nOK\n"
    assert w.status(w.get()) == 200
    if not SANITIZER:
        assert proc.rss(w.pid) - before < 6 << 20
    watches = [w.stream("watch") for _ in range(64)]
    assert all(stream.response.status == 200 for _, stream in watches)
    assert w.status(w.post("ping\nquit\n")) == 503, "no more than 64 at once"
    for connection, _ in watches:
        connection.close()
    eventually(lambda: w.status(w.post("ping\nquit\n")) == 200, "places are given back")
    for one in others:
        one.close()


def test_sandbox_is_closed_while_it_serves(daemon, web):
    need_plain_build()
    w = web(daemon())
    assert w.exchange("ping") == "OK\nOK\n"
    assert (proc.status(w.pid, "Seccomp"), proc.status(w.pid, "NoNewPrivs")) == (2, 1)
    with open(f"/proc/{w.pid}/limits") as file:
        assert [line.split()[4] for line in file if line.startswith("Max core")] == ["0"]
    assert os.stat(f"/proc/{w.pid}/mem").st_uid == 0, "not dumpable"
