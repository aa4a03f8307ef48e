# SPDX-License-Identifier: Apache-2.0
"""The claims that the fleet's database writes are words of the line grammar: those of proto/line.c, byte for byte."""
import ctypes
import random

import pytest

from fleet_postgres import NOW, deny, digest_of, feed, put
from preload import compiled
from settings import PRELOAD, ROOT

HOSTILE = ["ci deploy", "", " ", "a\tb", "line\nline\r\n", 'say "hi"', "back\\slash", "\\x41", '" group=other state=active x="', "'; drop table x; --",
           "<script>alert(1)</script>&amp;", "\x01\x02\x1f\x7f", "\x80\x85\x9f", "\xa0\u2028\ufeff", "é ü ß", "日本語", "🙂", "\u202egnp", "=", "a=b",
           "state=revoked", "*", "\\", '"', '\\"', "\\\\n", "%s%n", "${x}", "x" * 256]
SIZE = 8192


@pytest.fixture(scope="module")
def lines():
    """The functions of preload/words.c."""
    sources = [f"{PRELOAD}/words.c", *(f"{ROOT}/proto/{name}.c" for name in ("line", "stamp", "text"))]
    library = ctypes.CDLL(compiled("words.so", f"-I{ROOT}", "-O0", "-shared", "-fPIC", *sources))
    library.write_word.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    library.read_line.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    library.write_word.restype, library.read_line.restype = ctypes.c_size_t, ctypes.c_long
    return library


def word(lines, value):
    out, data = ctypes.create_string_buffer(SIZE), value.encode()
    size = lines.write_word(data, len(data), out, SIZE)
    return out.raw[:size].decode()


def fields(lines, line):
    """Return the fields of a line, each of which must be there once."""
    data, out = ctypes.create_string_buffer(line.encode()), ctypes.create_string_buffer(SIZE)
    size = lines.read_line(data, len(line.encode()), out, SIZE)
    assert size >= 0, line
    texts = [text.decode() for text in out.raw[:size].split(b"\0")[:-1]]
    assert len(set(texts[::2])) == len(texts) // 2, f"a key is there twice: {line}"
    return dict(zip(texts[::2], texts[1::2]))


def random_text(chance):
    kinds = ("abcXYZ09", " \\\"\n\r\t", "".join(map(chr, range(1, 33))), "".join(map(chr, range(0x7f, 0xa2))), "é日🙂\ufeff\uffff\U0010ffff")
    return "".join(chance.choice(chance.choice(kinds)) for _ in range(chance.randrange(0, 24)))


def test_words_are_those_of_the_line_grammar_byte_for_byte(fleet_database, lines):
    chance = random.Random(1)
    values = HOSTILE + [chr(code) for code in range(1, 0x180)] + [random_text(chance) for _ in range(1500)]
    written = fleet_database.admin.ask("select jeton.word(v) from unnest($1::text[]) with ordinality x(v, i) order by i", values)
    for value, (made,) in zip(values, written, strict=True):
        assert made == word(lines, value), repr(value)


def test_times_are_those_of_the_line_grammar(fleet_database):
    session = fleet_database.admin
    session.run("set timezone = 'Asia/Kolkata'; set datestyle = 'German'; set lc_time = 'C'")
    for time, text in (0, "1970-01-01T00:00:00Z"), (951782399, "2000-02-28T23:59:59Z"), (951782400, "2000-02-29T00:00:00Z"), (253402300799, "9999-12-31T23:59:59Z"):
        assert session.value("select jeton.stamp($1)", time) == text


def test_hostile_texts_come_through_feed_and_snapshot_whatever_a_session_has_set(fleet_database, lines):
    """A session could otherwise have the functions read their own literals in another way."""
    host = fleet_database.join("host", "web")
    for setting in ("select", "set standard_conforming_strings = off; set escape_string_warning = off",
                    "set timezone = 'America/New_York'; set quote_all_identifiers = on; set search_path = pg_temp, jeton"):
        issuer = fleet_database.join("issuer", "web", issuer=True)
        issuer.run(setting)
        hostile_texts_come_through(fleet_database, lines, issuer, host)
        issuer.close()


def hostile_texts_come_through(fleet_database, lines, issuer, host):
    fleet_database.admin.run("delete from jeton.token")
    serials = [put(issuer, digest_of(number), activates=NOW, expires=NOW + 5, subject=text[:60], scopes="a,b:*/c.d-_E", description=text,
                   replaces=b"\xab" * 10, by=4294967295)[0] for number, text in enumerate(HOSTILE)]
    claims = {digest: text for _, _, _, digest, text in feed(host, serials[0])}
    assert claims == {digest: text for digest, _, text in host.ask("select * from jeton.snapshot")}
    for number, text in enumerate(HOSTILE):
        line = f"put digest={digest_of(number).hex()} {claims[digest_of(number)]}"
        assert len(line.encode()) < 8192
        expected = {"": "put", "digest": digest_of(number).hex(), "group": "web", "state": "active", "created": "2027-01-15T08:00:00Z",
                    "activates": "2027-01-15T08:00:00Z", "expires": "2027-01-15T08:00:05Z", "scopes": "a,b:*/c.d-_E", "replaces": "ab" * 10,
                    "origin": "issuer", "by": "uid:4294967295"} | ({"subject": text[:60], "description": text} if text else {})
        assert fields(lines, line) == expected


def test_the_longest_claims_fit_into_a_line(fleet_database, lines):
    issuer = fleet_database.join("x" * 63, "g" * 64, issuer=True)
    scopes = ",".join(f"{i:064}" for i in range(32))
    put(issuer, digest_of(1), group="g" * 64, activates=1, expires=2, subject="\x01" * 256, scopes=scopes, description="\x02" * 1024, replaces=b"\0" * 10,
        by=4294967295)
    deny(issuer, digest_of(1), event="disable", group="g" * 64)
    line = f"put digest={digest_of(1).hex()} " + issuer.value("select claims from jeton.snapshot")
    assert len(line.encode()) < 8192
    read = fields(lines, line)
    assert read["description"] == "\x02" * 1024 and read["subject"] == "\x01" * 256 and read["scopes"] == scopes and read["state"] == "disabled"


def test_a_denial_is_a_line_of_the_protocol(fleet_database, lines):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    for event, state in ("disable", "disabled"), ("revoke", "revoked"), ("disable", "revoked"):
        serial, _ = deny(issuer, digest_of(1), event=event)
        read = fields(lines, f"deny digest={digest_of(1).hex()} " + feed(issuer, serial)[0][4])
        assert (read["group"], read["state"]) == ("web", state) and set(read) == {"", "digest", "group", "state", state}
