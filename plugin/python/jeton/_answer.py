# SPDX-License-Identifier: Apache-2.0
"""Answers: statuses, claims, and what is raised for a refusal."""
from __future__ import annotations

import dataclasses
import enum


class Status(enum.IntEnum):
    """The answer to a question; the numbers are those of enum jeton_status.  Compare with OK."""

    word: str       # the daemon's word for it
    text: str       # a sentence for people
    http: int       # the HTTP status to answer with

    OK = 0, "ok", "the token is good, or the request is done", 200
    MALFORMED = 1, "malformed", "not a token: mistyped or cut off", 401
    UNKNOWN = 2, "unknown", "no such token here", 401
    IDENTIFIER = (3, "identifier",
                  "this is a token's identifier, which authenticates nothing; present its value", 401)
    PENDING = 4, "pending", "the token is not active yet", 401
    EXPIRED = 5, "expired", "the token's lifetime is over", 401
    DISABLED = 6, "disabled", "the token is disabled for now", 401
    REVOKED = 7, "revoked", "the token is revoked, for good", 401
    SCOPE = 8, "scope", "the token does not have every scope asked for", 403
    SUBJECT = 9, "subject", "the token speaks for another subject", 403
    DENIED = 10, "denied", "refused by policy", 403
    UNAVAILABLE = 64, "unavailable", "nobody could judge the token", 503
    INVALID = 65, "invalid", "an argument is wrong: scopes, subject, service or claims", 500

    def __new__(cls, number: int, word: str, text: str, http: int) -> Status:
        self = int.__new__(cls, number)
        self._value_ = number
        self.word, self.text, self.http = word, text, http
        return self

    @classmethod
    def of(cls, number: int) -> Status:
        """Return the status of this number; for one that this version does not know, UNAVAILABLE."""
        return _BY_NUMBER.get(number, cls.UNAVAILABLE)


_BY_NUMBER = {int(status): status for status in Status}


@dataclasses.dataclass(frozen=True)
class Claims:
    """What is known of a token that passed."""

    id: str                     # its identifier, safe to log
    subject: str                # whom it speaks for; may be ""
    scopes: tuple[str, ...]     # what it may be used for
    expires: int | None         # seconds since 1970 UTC; None: it does not expire
    verifier: str               # the module that vouched for it: "local" for the table of tokens
    source: str                 # who answered: "table" or "daemon"


def make_claims(id: str, subject: str, scopes: str, expires: int | None, verifier: str, source: str) -> Claims:
    """Make claims, in a third of the time that the constructor of a frozen dataclass takes."""
    claims = object.__new__(Claims)
    claims.__dict__.update(id=id, subject=subject, scopes=tuple(scopes.split(",")) if scopes else (),
                           expires=expires, verifier=verifier, source=source)
    return claims


class Error(Exception):
    """Any answer but OK."""

    def __init__(self, status: Status, id: str = "", retry_after: int = 0, text: str = "") -> None:
        super().__init__(text or status.text)
        self.status = status
        self.id = id                        # of the token, where it is known; safe to log
        self.retry_after = retry_after      # seconds until a retry may help, or 0

    @property
    def reason(self) -> str:
        """The daemon's word: "revoked", "scope"."""
        return self.status.word

    @property
    def http(self) -> int:
        """The HTTP status to answer with."""
        return self.status.http


class Refused(Error):
    """The answer is no."""


class Unavailable(Error):
    """There is no answer."""

    def __init__(self, text: str = "") -> None:
        super().__init__(Status.UNAVAILABLE, text=text)


class Invalid(Error, ValueError):
    """The question is wrong."""

    def __init__(self, text: str = "") -> None:
        super().__init__(Status.INVALID, text=text)


def error_of(status: Status, id: str = "", retry_after: int = 0) -> Error:
    """Return what to raise for a status that is not OK."""
    if status is Status.UNAVAILABLE:
        return Unavailable()
    if status is Status.INVALID:
        return Invalid()
    return Refused(status, id, retry_after)
