# SPDX-License-Identifier: Apache-2.0
"""One verification over the socket: the line that asks, and the line that answers (jeton-protocol(7))."""
from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable

from ._answer import Claims, Error, Invalid, Refused, Status, Unavailable, error_of, make_claims

SOCKET = "/run/jeton/verify.sock"
LINE_MAX = 8192
SUBJECT_MAX = CLIENT_MAX = 256
SERVICE_MAX = 64
SCOPES_MAX = 32
PERSON = b"jeton token v1\0\0"

OUTSIDE = re.compile(rb"[^\x21-\x7e]")
SPECIAL = re.compile(rb'[^\x20-\x7e]|["\\]')
NAME = re.compile(r"[A-Za-z0-9._:/*-]{1,64}\Z")
WORD = re.compile(rb' +(?:([a-z][a-z_]{0,15})=)?("(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\["\\ntr]|\\x[0-9A-Fa-f]{2})*"|'
                  rb'[^\x00-\x20"\\\x7f]*)')
ESCAPE = re.compile(rb'\\(x..|.)')
PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII)
REASONS = {status.word: status for status in Status if Status.OK < status < Status.UNAVAILABLE}


def quote(text: bytes) -> bytes:
    """Return any bytes as a quoted word."""
    return b'"' + SPECIAL.sub(lambda m: b"\\" + m[0] if m[0] in b'"\\' else b"\\x%02x" % m[0][0], text) + b'"'


def unquote(word: bytes) -> bytes:
    if not word.startswith(b'"'):
        return word
    return ESCAPE.sub(lambda m: bytes([int(m[1][1:], 16)]) if len(m[1]) == 3 else PLAIN.get(m[1], m[1]), word[1:-1])


def check_service(service: str | None) -> bytes:
    """Return the part of a request that names the service, which is the same in all of them."""
    if service is None:
        return b""
    if NAME.match(service) is None:
        raise ValueError("service: 1 to 64 characters out of A-Z a-z 0-9 . _ : / * and -")
    return b" service=" + service.encode()


def scopes_of(scopes: str | Iterable[str]) -> bytes:
    text = scopes if isinstance(scopes, str) else ",".join(scopes)
    names = text.split(",")
    if len(names) > SCOPES_MAX or not all(map(NAME.match, names)):
        raise Invalid("scopes: 1 to 32 names out of A-Z a-z 0-9 . _ : / * and -")
    return b" scope=" + text.encode()


def quoted(key: bytes, text: str, least: int) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if not least <= len(raw) <= SUBJECT_MAX or b"\0" in raw:
        raise Invalid(f"{key.decode()}: {least} to {SUBJECT_MAX} bytes, without a NUL")
    return b" " + key + b"=" + quote(raw)


def request(value: str | bytes, service: bytes, scopes: str | Iterable[str] | None, subject: str | None,
            client: str | None) -> tuple[bytes, bytes]:
    """Return the value as bytes, and the line that asks; raise Invalid, or Refused for what is no token."""
    parts = [b"verify", service]
    if scopes is not None:
        parts.append(scopes_of(scopes))
    if subject is not None:
        parts.append(quoted(b"subject", subject, 0))
    if client is not None:
        parts.append(quoted(b"client", client, 1))
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
    if OUTSIDE.search(raw):
        raise Refused(Status.MALFORMED)
    line = b"".join(parts) + b" token=" + quote(raw) + b"\n"
    if len(line) > LINE_MAX:            # no store has a value that no line can hold
        raise Refused(Status.MALFORMED)
    return raw, line


def fields_of(line: bytes) -> tuple[list[bytes], dict[str, bytes]] | None:
    """Return the words and the fields of a line; None: it does not follow the grammar."""
    words: list[bytes] = []
    fields: dict[str, bytes] = {}
    line, at = b" " + line.rstrip(b" "), 0
    while at < len(line):
        match = WORD.match(line, at)
        if match is None:
            return None
        at = match.end()
        key = match[1].decode() if match[1] else ""
        if key in fields:
            return None
        if key:
            fields[key] = unquote(match[2])
        else:
            words.append(unquote(match[2]))
    return words, fields


def answer(line: bytes, value: bytes) -> Claims:
    """Return the claims of a final line that says yes to this value; raise an Error for any other."""
    parsed = fields_of(line)
    if parsed is None:
        raise Unavailable("the reply does not follow the grammar")
    words, fields = parsed
    if words == [b"OK"]:
        return passed(fields, value)
    if len(words) == 2 and words[0] == b"NO":
        raise refusal(words[1].decode(errors="replace"), fields)
    code = words[1].decode(errors="replace") if len(words) == 2 else "no final line"
    raise Unavailable(f"{Status.UNAVAILABLE.text}: {code}")


def passed(fields: dict[str, bytes], value: bytes) -> Claims:
    """Return the claims.  A pass must name its token and its verifier, and one by the table of tokens must be for the
    value that was sent: so no reply is taken for the answer to another question."""
    texts = {key: raw.decode("utf-8", "surrogateescape") for key, raw in fields.items()}
    id, verifier, expires = texts.get("id", ""), texts.get("verifier", ""), None
    if id == "" or verifier == "" or (verifier == "local" and id != id_of(value)):
        raise Unavailable("the reply is not for the token that was asked about")
    if "expires" in texts:
        if STAMP.match(texts["expires"]) is None:
            raise Unavailable("the reply has no time in expires=")
        try:
            expires = int(datetime.datetime.fromisoformat(texts["expires"]).timestamp())
        except ValueError as error:
            raise Unavailable("the reply has no time in expires=") from error
    return make_claims(id, texts.get("subject", ""), texts.get("scopes", ""), expires, verifier, "daemon")


def refusal(reason: str, fields: dict[str, bytes]) -> Error:
    """Return what to raise; a reason that this version does not know is `denied`."""
    retry = fields.get("retry_after", b"")
    return error_of(REASONS.get(reason, Status.DENIED), fields.get("id", b"").decode(errors="replace"),
                    int(retry) if retry.isdigit() and len(retry) < 19 else 0)


def id_of(value: bytes) -> str:
    """Return the identifier of a value."""
    return hashlib.blake2b(value, digest_size=32, person=PERSON).hexdigest()[:20]
