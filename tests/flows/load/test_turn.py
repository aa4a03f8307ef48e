# SPDX-License-Identifier: Apache-2.0
"""Requests that several connections send at once are judged together, and do not affect each other."""
import random
import time

import proc
from requirements import need_plain_build
from settings import scaled

CROWD = 60
BUFFER = 4096           # bytes, the least that a connection with buffers of its own would have


def script(number, mine, known):
    """Return what one client of the crowd sends, in two parts, and the verdicts that it must get."""
    good, other = mine["token"], known[number % len(known)]
    ok, unknown = f"OK {mine['id']}", "NO unknown"
    kinds = [
        ([f"verify {good}"], [ok]),
        ([f"verify scope=s{number} {good}", f"verify scope=none {good}"], [ok, f"NO scope {mine['id']}"]),
        (["ping", f"verify {good}", "ping", "verify jtn_x"], ["OK", ok, "OK", "NO malformed"]),
        ([f"verify {good}", f"revoke token={good}", f"verify {good}"],
         [ok, ok, f"NO revoked {mine['id']}"]),
        (["nonsense", f"verify {good}", 'verify "'], ["ERR unknown-verb", ok, "ERR syntax"]),
        ([f"verify {good}"] * 70 + ["verify " + "a" * 40], [ok] * 70 + [unknown]),
        ([f"verify {other['token']}", "id " + good], [f"OK {other['id']}", ok]),
    ]
    lines, verdicts = kinds[number % len(kinds)]
    text = "".join(f"{line}\n" for line in lines).encode()
    cut = len(text) - (number % 3) * 7              # some end in the middle of their last line
    return text[:cut], text[cut:], verdicts


def summary(reply):
    """Return the verdict, and whom it names."""
    return f"{reply.verdict} {reply['id']}" if "id" in reply else reply.verdict


def test_connections_that_speak_at_once_get_their_own_replies_in_order(daemon):
    d = daemon("daemon.workers=1")
    known = [d.create(scopes="k") for _ in range(5)]
    for _ in range(scaled(4, 1)):
        crowd = [(d.client("verify"), *script(i, d.create(scopes=f"s{i}"), known)) for i in range(CROWD)]
        for part in 1, 2:
            with d.stopped():
                for client, *parts in crowd:
                    client.sock.sendall(parts[part - 1])
        for client, _, _, verdicts in crowd:
            assert [summary(client.reply()) for _ in verdicts] == verdicts
            assert client.silent(), "a reply too many"
            client.close()


def test_connections_that_close_in_the_midst_of_others_harm_none(daemon):
    d = daemon("daemon.workers=1")
    token = d.create()
    for round_ in range(scaled(20, 3)):
        crowd = [d.client("verify") for _ in range(CROWD)]
        with d.stopped():
            for number, client in enumerate(crowd):
                client.send(f"verify {token['token']}")
                if number % 3 == round_ % 3:
                    client.close()
                elif number % 3 == 1:
                    client.send("quit")
        for number, client in enumerate(crowd):
            if number % 3 == round_ % 3:
                continue
            assert client.reply().verdict == "OK"
            if number % 3 == 1:
                assert [reply.verdict for reply in client.closed()] == ["OK"]
            client.close()
    assert d.verify(token["token"]) == "OK"


def fed_up(d, ask):
    """A client that does not read, and to which a few bytes could not be sent."""
    client, unread = d.client("verify"), -1
    while (now := client.unread()) > unread:
        unread = now
        client.send(*[ask] * 20)
        d.stats()               # by then it is answered, as there is one worker
    return client


def test_clients_that_close_on_unsent_replies_harm_none(daemon):
    d = daemon("daemon.workers=1")
    ask = f"verify {d.create()['token']}"
    for _ in range(scaled(3, 1)):
        leaving = [fed_up(d, ask) for _ in range(5)]
        staying = [d.client("verify") for _ in range(CROWD)]
        with d.stopped():
            for client in leaving:
                client.send(ask)
                client.close()
            for client in staying:
                client.send(ask)
        for client in staying:
            assert client.reply().verdict == "OK"
            client.close()


def test_connections_that_wait_take_no_buffers(daemon):
    need_plain_build()
    many = 400
    d = daemon("daemon.workers=1")
    token = d.create()
    ask = f"verify {token['token']}"
    assert d.client("verify").request(ask).verdict == "OK"
    before = proc.rss(d.pid)
    crowd = [d.client("verify") for _ in range(many)]
    for client in crowd:
        assert client.request(ask).verdict == "OK"
    grown = (proc.rss(d.pid) - before) / many
    assert grown < BUFFER, f"{grown:.0f} bytes for each connection"
    for client in crowd:
        client.close()


def test_a_line_that_comes_together_with_the_answer_before_it_is_answered(daemon):
    d = daemon("daemon.workers=1")
    chatty = [d.client("verify") for _ in range(4)]
    crowd = [d.client() for _ in range(40)]
    lot = random.Random(1)
    for _ in range(scaled(150, 20)):
        for client in crowd:
            client.send("create")
        until = time.monotonic() + 0.0005 + 0.003 * lot.random()
        while time.monotonic() < until:         # the daemon is kept busy until then
            for client in chatty:
                assert client.request("verify x").verdict == "NO malformed"
        for client in crowd:
            client.send("ping")
        for client in crowd:
            assert [client.reply().verdict for _ in range(2)] == ["OK", "OK"]
