# SPDX-License-Identifier: Apache-2.0
"""Hostile lines: whatever comes, each line gets its one reply and the session goes on."""
import random
import time

from harness import Daemon, claim, eventually, same
from settings import SCALE
from value import value_new

LIMIT = 8192            # bytes of a line, with its LF


def raw_reply(client, data):
    client.send_raw(data)
    return client.reply()


@claim
def any_split_of_a_stream_gives_the_same_replies():
    stream = (f"ping\r\nverify {value_new()}\n# comment\n\nid {'x' * 40}\nhello\n"
              'verify "quoted value that is in nobody\'s table \\x41"\nnonsense\nping\x01\n'
              "help ping\nverify abc\nquit\n").encode()
    with Daemon() as d:
        def session(*parts):
            with d.client("verify") as client:
                for part in parts:
                    client.send_raw(part)
                    eventually(lambda: client.unread_by_peer() == 0, "it is read", every=0.0002)
                return [(r.data, r.final.raw) for r in client.replies()]
        whole = session(stream)
        same(len(whole), 10)
        for at in range(1, len(stream), 1 if SCALE == 1 else 7):
            same(session(stream[:at], stream[at:]), whole, f"split at {at}")
        same(session(*(stream[i:i + 1] for i in range(len(stream)))), whole, "byte by byte")


@claim
def line_at_the_limit_is_taken_and_one_beyond_is_not():
    with Daemon() as d, d.client() as client:
        for end in b"\n", b"\r\n":
            room = LIMIT - len(b"verify ") - len(end)
            same(raw_reply(client, b"verify " + b"x" * room + end).verdict, "NO malformed")
            same(raw_reply(client, b"verify " + b"x" * (room + 1) + end).verdict, "ERR too-long")
            same(client.request("ping").verdict, "OK")
        same(raw_reply(client, b"#" + b"x" * (LIMIT - 2) + b"\nping\n").verdict, "OK")
        long = b"create description=" + b"x" * LIMIT + b"\n"
        same([r.verdict for r in client.pipeline([long[:-1], "ping", long[:-1], "list"])],
             ["ERR too-long", "OK", "ERR too-long", "OK"])
        same(d.list(), [])


@claim
def ten_megabytes_without_a_line_end_are_one_error():
    with Daemon() as d, d.client() as client:
        for _ in range(10):
            client.send_raw(b"x" * (1 << 20))
        same(raw_reply(client, b"\nping\n").verdict, "ERR too-long")
        same(client.reply().verdict, "OK")
        assert client.silent()


@claim
def control_bytes_and_bad_utf8_are_syntax_errors():
    bad = [bytes([c]) for c in range(32) if c not in b"\t\n"] + [
        b"\x7f", b"\x80", b"\xff", b"\xc0\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
        b"\xe2\x82", b"\xf0\x80\x80\x80"]
    with Daemon() as d, d.client() as client:
        for piece in bad:
            for line in b"create description=a" + piece + b"b", b"create " + piece + b" ttl=1h":
                same(raw_reply(client, line + b"\n").verdict, "ERR syntax", line)
        same(raw_reply(client, b"ping\0ping\n").verdict, "ERR syntax")
        same(d.list(), [])
        same(raw_reply(client, "create description=\"tab\there, ünï\"\n".encode()).verdict, "OK")


@claim
def misspelt_requests_are_errors_and_carry_nothing_out():
    wrong = [
        ("nonsense", "ERR unknown-verb"), ("CREATE", "ERR unknown-verb"),
        ("creates", "ERR unknown-verb"), ("create expire=2030-01-01T00:00:00Z", "ERR unknown-key"),
        ("create ttl=1h ttl=2h", "ERR duplicate-key"), ("create TTL=1h", None),
        ("create ttl=1h expires=2030-01-01T00:00:00Z", "ERR syntax"),
        ("create delay=1h activates=2030-01-01T00:00:00Z", "ERR syntax"),
        ("create word", "ERR syntax"), ('create description="open', "ERR syntax"),
        ('create description="a"b', "ERR syntax"), ('create description=a"b', "ERR syntax"),
        ('create description="\\q"', "ERR syntax"), ('create description="\\x4"', "ERR syntax"),
        ('create description="\\x00"', None), ("create description=a\\b", "ERR syntax"),
        ("create =x", None), ("create ttl", "ERR syntax"), ("create ttl=", "ERR bad-value"),
        ("verify", "ERR missing"), ("show", "ERR missing"), ("revoke", "ERR missing"),
        ("import", "ERR missing"), ("delete", "ERR missing"), ("id", "ERR missing"),
        ("update", "ERR missing"), ("revoke token=x id=" + "0" * 20, "ERR syntax"),
        ("show a b", "ERR syntax"), ("ping now", "ERR syntax"), ("ping x=1", "ERR unknown-key"),
        ("import token=x digest=y", "ERR syntax"), ("create " + "ttl=1h " * 40, None),
    ]
    with Daemon() as d:
        for line, verdict in wrong:
            got = d.ask(line).verdict
            assert got == verdict or (verdict is None and got.startswith("ERR ")), f"{line}: {got}"
        same(d.list(), [])
        same(d.done("journal").lines, [])


@claim
def last_line_without_its_end_is_not_carried_out():
    with Daemon() as d:
        token = d.create()
        for line in "create", f"revoke {token['id']}", f"delete {token['id']}", "ping", "x":
            with d.client() as client:
                client.send_raw(f"ping\n{line}".encode())
                client.finish()
                same([r.verdict for r in client.replies()], ["OK", "ERR syntax"], line)
        same([line["state"] for line in d.list()], ["active"])


@claim
def each_socket_grants_its_role_and_no_more():
    granted = {"verify": ("verify", "id", "table", "used", "revoke", "hello", "help", "ping",
                          "quit"),
               "observe": ("list", "show", "journal", "watch", "stats"),
               "admin": ("create", "update", "disable", "enable", "rotate", "delete", "import",
                         "export")}
    with Daemon() as d:
        for at, role in enumerate(granted):
            for needed, verbs in enumerate(granted.values()):
                for verb in verbs:
                    with d.client(role) as client:
                        # Role before arguments: this one is wrong for every verb.
                        verdict = client.request(f"{verb} no_such_key=1").verdict
                        same(verdict, "ERR unknown-key" if needed <= at else "ERR forbidden",
                             f"{verb} on the {role} socket")
        same(d.list(), [])


def garbage(rng):
    """Bytes that are sometimes nearly right."""
    words = [b"verify", b"create", b"list", b"ttl=1h", b"token=", b'"', b"\\x", b" ", b"=", b"\n",
             b"\r\n", b"*", b"#", b"\0", b"\xff", b"scopes=a,b", b"watch", b"journal", b"export",
             b"help", b"import digest=", b"0" * 20, b"f" * 64, b"x" * 500, "ü".encode()]
    return b"".join(rng.choice(words) if rng.random() < 0.8 else rng.randbytes(rng.randrange(9))
                    for _ in range(rng.randrange(60)))


@claim
def garbage_for_seconds_never_stops_the_daemon():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng, end = random.Random(seed), time.monotonic() + 3
    with Daemon() as d:
        while time.monotonic() < end:
            with d.client(rng.choice(("admin", "observe", "verify"))) as client:
                try:
                    for _ in range(rng.randrange(4)):
                        client.send_raw(garbage(rng))
                    if rng.random() < 0.5:
                        client.finish()
                        client.replies()
                except (BrokenPipeError, ConnectionResetError):
                    pass            # it had said quit, perhaps
        same(d.done("ping").verdict, "OK")
        token = d.create()
        same(d.verify(token["token"]), "OK")
