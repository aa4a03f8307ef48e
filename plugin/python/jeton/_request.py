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
VALUE = (rb'(?:"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\["\\ntr]|\\x[0-9A-Fa-f]{2})*"|[^\x00-\x20"\\\x7f]*)')
FINAL = re.compile(rb"(?:(OK)|(?:(NO)|ERR) +([a-z-]+))((?: +[a-z][a-z_]{0,15}=" + VALUE + rb")*) *")
FIELD = re.compile(rb"([a-z][a-z_]*)=(" + VALUE + rb")")
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


def fields_of(text: bytes) -> dict[str, str]:
    """Return the fields of a line that follows the grammar; raise Unavailable if one is there twice."""
    found = FIELD.findall(text)
    fields = {key.decode(): unquote(word).decode("utf-8", "surrogateescape") for key, word in found}
    if len(fields) != len(found):
        raise Unavailable("the reply has a field twice")
    return fields


def answer(line: bytes, value: bytes) -> Claims:
    """Return the claims of a final line that says yes to this value; raise an Error for any other."""
    match = FINAL.fullmatch(line)
    if match is None:
        raise Unavailable("the reply does not follow the grammar")
    ok, no, word, text = match.groups()
    fields = fields_of(text)
    if ok:
        return passed(fields, value)
    if no:
        raise refusal(word.decode(), fields)
    raise Unavailable(f"{Status.UNAVAILABLE.text}: {word.decode()}")


def passed(fields: dict[str, str], value: bytes) -> Claims:
    """Return the claims.  A pass must name its token and its verifier, and one by the table of tokens must be for the
    value that was sent: so no reply is taken for the answer to another question."""
    id, verifier, expires = fields.get("id", ""), fields.get("verifier", ""), None
    if id == "" or verifier == "" or (verifier == "local" and fields.get("sent", id) != id_of(value)):
        raise Unavailable("the reply is not for the token that was asked about")
    if "expires" in fields:
        if STAMP.match(fields["expires"]) is None:
            raise Unavailable("the reply has no time in expires=")
        try:
            expires = int(datetime.datetime.fromisoformat(fields["expires"]).timestamp())
        except ValueError as error:
            raise Unavailable("the reply has no time in expires=") from error
    return make_claims(id, fields.get("subject", ""), fields.get("scopes", ""), expires, verifier, "daemon")


def refusal(reason: str, fields: dict[str, str]) -> Error:
    """Return what to raise; a reason that this version does not know is `denied`."""
    retry = fields.get("retry_after", "")
    return error_of(REASONS.get(reason, Status.DENIED), fields.get("id", ""),
                    int(retry) if re.fullmatch("[0-9]{1,18}", retry) else 0)


def id_of(value: bytes) -> str:
    """Return the identifier of a value."""
    return hashlib.blake2b(value, digest_size=32, person=PERSON).hexdigest()[:20]
