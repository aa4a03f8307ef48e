# SPDX-License-Identifier: Apache-2.0
"""Read a request's headers, and decide what is answered: the contract of jeton-gateway, for applications."""
from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence

from ._answer import Claims, Error, Status

Headers = list[tuple[str, str]]
IDENTITY = "X-Jeton-Id", "X-Jeton-Subject", "X-Jeton-Scopes", "X-Jeton-Expires", "X-Jeton-Verifier"
# No comma: it is where two headers of this name were joined.
BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x2b\x2d-\x7e]+)\Z")
SCHEME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?= |\Z)")
SPECIAL = re.compile(rb"[^!-$&-~]")
REALM = re.compile(r'[ !#-\[\]-~]{1,128}\Z')
RETRY_AFTER = 5         # seconds, when nobody could judge


class NoToken(Exception):
    """A request without a token that could be asked about."""

    def __init__(self, presented: bool) -> None:
        super().__init__()
        self.presented = presented      # there were credentials


def bearer(authorization: Sequence[bytes]) -> bytes:
    """Return the token in the values of all Authorization headers; raise NoToken.  Two are never the first of two."""
    if not authorization:
        raise NoToken(False)
    if len(authorization) > 1:
        raise NoToken(True)
    value = authorization[0].strip(b" \t")
    match = BEARER.match(value)
    if match is not None:
        return match[1]
    scheme = SCHEME.match(value)
    raise NoToken(scheme is None or scheme[0].lower() == b"bearer" or b"," in value)


def is_identity(name: str) -> bool:
    """True for a header by which a client could claim an identity, also in the spellings that some take for it."""
    return re.sub(r"[^a-z0-9]", "-", name.lower()).startswith("x-jeton-")


def encode(text: str) -> str:
    """Return a text as a header can have it: all but visible ASCII, and the percent sign, is percent-encoded."""
    return SPECIAL.sub(lambda m: b"%%%02X" % m[0][0], text.encode("utf-8", "surrogateescape")).decode()


def identity(claims: Claims) -> Headers:
    """Return the headers for the application: always all of them."""
    expires = "never"
    if claims.expires is not None:
        at = datetime.datetime.fromtimestamp(claims.expires, datetime.timezone.utc)
        expires = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    values = encode(claims.id), encode(claims.subject), encode(",".join(claims.scopes)), expires, encode(claims.verifier)
    return list(zip(IDENTITY, values))


class Policy:
    """What a token must be good for, and how refusals are answered."""

    def __init__(self, scopes: str | Iterable[str] | None, subject: str | None, realm: str) -> None:
        if REALM.match(realm) is None:
            raise ValueError('realm: 1 to 128 characters of printable ASCII, without " and \\')
        self.scopes = scopes if scopes is None or isinstance(scopes, str) else ",".join(scopes)
        if self.scopes == "":
            raise ValueError("scopes: None asks for none")
        self.subject = subject
        self.challenge = f'Bearer realm="{realm}"'

    def refusal(self, error: Error | NoToken) -> tuple[int, Headers]:
        """Return the status and the headers of the answer, which has no body."""
        headers = [("Cache-Control", "no-store"), ("Content-Length", "0")]
        if isinstance(error, NoToken):
            more = ', error="invalid_token"' if error.presented else ""
            return 401, [("WWW-Authenticate", self.challenge + more), *headers]
        if error.http >= 500:
            retry = [("Retry-After", str(RETRY_AFTER))] if error.status is Status.UNAVAILABLE else []
            return error.http, [*retry, *headers]
        if error.retry_after > 0 or error.status is Status.PENDING:
            headers.insert(0, ("Retry-After", str(max(error.retry_after, 1))))
        if error.http == 403:
            scope = f', scope="{self.scopes.replace(",", " ")}"' if self.scopes and error.status is Status.SCOPE else ""
            return 403, [("WWW-Authenticate", f'{self.challenge}, error="insufficient_scope"{scope}'), *headers]
        return 401, [("WWW-Authenticate", f'{self.challenge}, error="invalid_token"'), *headers]
