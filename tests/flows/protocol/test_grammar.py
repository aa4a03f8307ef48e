# SPDX-License-Identifier: Apache-2.0
"""Hostile lines: whatever is sent, each line gets its one reply and the session goes on."""
import random

from settings import SCALE, scaled
from value import value_new
from waiting import eventually

LIMIT = 8192            # bytes of a line, with its LF


def raw_reply(client, data):
    client.send_raw(data)
    return client.reply()


def test_any_split_of_a_stream_gives_the_same_replies(daemon):
    stream = (f"ping\r\nverify {value_new()}\n# comment\n\nid {'x' * 40}\nhello\n"
              'verify "quoted value that is in nobody\'s table \\x41"\nnonsense\nping\x01\n'
              "help ping\nverify abc\nquit\n").encode()
    d = daemon()
    def session(*parts):
        with d.client("verify") as client:
            for part in parts:
                client.send_raw(part)
                eventually(lambda: client.unread_by_peer() == 0, "it is read", every=0.0002)
            return [(r.data, r.final.raw) for r in client.replies()]
    whole = session(stream)
    assert len(whole) == 10
    for at in range(1, len(stream), 1 if SCALE == 1 else 7):
        assert session(stream[:at], stream[at:]) == whole, f"split at {at}"
    assert session(*(stream[i:i + 1] for i in range(len(stream)))) == whole, "byte by byte"


def test_line_at_the_limit_is_taken_and_one_beyond_is_not(daemon):
    d = daemon()
    with d.client() as client:
        for end in b"\n", b"\r\n":
            space = LIMIT - len(b"verify ") - len(end)
            assert raw_reply(client, b"verify " + b"x" * space + end).verdict == "NO unknown"
            assert raw_reply(client, b"verify " + b"x" * (space + 1) + end).verdict == "ERR too-long"
            assert client.request("ping").verdict == "OK"
        assert raw_reply(client, b"#" + b"x" * (LIMIT - 2) + b"\nping\n").verdict == "OK"
        long = b"create description=" + b"x" * LIMIT + b"\n"
        assert ([r.verdict for r in client.pipeline([long[:-1], "ping", long[:-1], "list"])] ==
                ["ERR too-long", "OK", "ERR too-long", "OK"])
        assert d.list() == []


def test_ten_megabytes_without_a_line_end_are_one_error(daemon):
    d = daemon()
    with d.client() as client:
        for _ in range(10):
            client.send_raw(b"x" * (1 << 20))
        assert raw_reply(client, b"\nping\n").verdict == "ERR too-long"
        assert client.reply().verdict == "OK"
        assert client.silent()


def test_control_bytes_and_bad_utf8_are_syntax_errors(daemon):
    bad = [bytes([c]) for c in range(32) if c not in b"\t\n"] + [
        b"\x7f", b"\x80", b"\xff", b"\xc0\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
        b"\xe2\x82", b"\xf0\x80\x80\x80"]
    d = daemon()
    with d.client() as client:
        for piece in bad:
            for line in b"create description=a" + piece + b"b", b"create " + piece + b" ttl=1h":
                assert raw_reply(client, line + b"\n").verdict == "ERR syntax", line
        assert raw_reply(client, b"ping\0ping\n").verdict == "ERR syntax"
        assert d.list() == []
        assert raw_reply(client, "create description=\"tab\there, ünï\"\n".encode()).verdict == "OK"


def test_misspelt_requests_are_errors_and_carry_nothing_out(daemon):
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
    d = daemon()
    for line, verdict in wrong:
        got = d.ask(line).verdict
        assert got == verdict or (verdict is None and got.startswith("ERR ")), f"{line}: {got}"
    assert d.list() == []
    assert d.done("journal").lines == []


def test_last_line_without_its_end_is_not_carried_out(daemon):
    d = daemon()
    token = d.create()
    for line in "create", f"revoke {token['id']}", f"delete {token['id']}", "ping", "x":
        with d.client() as client:
            client.send_raw(f"ping\n{line}".encode())
            client.finish()
            assert [r.verdict for r in client.replies()] == ["OK", "ERR syntax"], line
    assert [line["state"] for line in d.list()] == ["active"]


def test_each_socket_grants_its_role_and_no_more(daemon):
    granted = {"verify": ("verify", "id", "table", "used", "refused", "revoke", "hello", "help", "ping",
                          "quit"),
               "observe": ("list", "show", "journal", "watch", "stats", "policy"),
               "admin": ("create", "update", "disable", "enable", "rotate", "delete", "import",
                         "export")}
    d = daemon()
    for at, role in enumerate(granted):
        for needed, verbs in enumerate(granted.values()):
            for verb in verbs:
                with d.client(role) as client:
                    # Role before arguments: this one is wrong for every verb.
                    verdict = client.request(f"{verb} no_such_key=1").verdict
                    assert (verdict ==
                            ("ERR unknown-key" if needed <= at else "ERR forbidden")), f"{verb} on the {role} socket"
    assert d.list() == []


def garbage(rng):
    """Return bytes that are sometimes nearly right."""
    words = [b"verify", b"create", b"list", b"ttl=1h", b"token=", b'"', b"\\x", b" ", b"=", b"\n",
             b"\r\n", b"*", b"#", b"\0", b"\xff", b"scopes=a,b", b"watch", b"journal", b"export",
             b"help", b"import digest=", b"0" * 20, b"f" * 64, b"x" * 500, "ü".encode()]
    return b"".join(rng.choice(words) if rng.random() < 0.8 else rng.randbytes(rng.randrange(9))
                    for _ in range(rng.randrange(60)))


def test_garbage_never_stops_the_daemon(daemon):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng, d = random.Random(seed), daemon()
    for _ in range(scaled(600, 100)):
        with d.client(rng.choice(("admin", "observe", "verify"))) as client:
            try:
                for _ in range(rng.randrange(4)):
                    client.send_raw(garbage(rng))
                if rng.random() < 0.5:
                    client.finish()
                    client.replies()
            except (BrokenPipeError, ConnectionResetError):
                pass            # perhaps a quit was among them
    assert d.done("ping").verdict == "OK"
    token = d.create()
    assert d.verify(token["token"]) == "OK"
