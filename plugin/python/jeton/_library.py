# SPDX-License-Identifier: Apache-2.0
"""libjeton by ctypes.

A call takes about as long as its conversions.  So the functions have no argtypes, whose conversions double
that; all arguments are of types that ctypes passes as they are: bytes and None as pointers, and objects of
ctypes that are made once.  Nothing but these may reach them: an int would be cut to 32 bits."""
from __future__ import annotations

import collections
import ctypes
import os
import types
from collections.abc import Iterable

from ._answer import Claims, Error, Status, error_of, make_claims
from ._request import SOCKET

LIBRARY = "libjeton.so.0"
NO_TABLE, NO_REPORTS = 1, 2
NEVER = 2 ** 63 - 1
SOURCES = "nobody", "table", "daemon"
OK, PASS = 0, Status.OK
KNOWN_MAX = 1000        # tokens whose claims are kept
# Both are what libjeton calls invalid: what has a NUL inside must not be asked cut off at it.
INVALID_SCOPES, INVALID_SUBJECT = b"", b"x" * 257
SCOPES_KEPT_MAX = 100
LENGTHS = tuple(map(ctypes.c_size_t, range(256)))


class ClaimsStruct(ctypes.Structure):
    """struct jeton_claims."""

    _fields_ = [("size", ctypes.c_size_t), ("source", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("expires", ctypes.c_int64), ("retry_after", ctypes.c_int64),
                ("id", ctypes.c_char * 64), ("verifier", ctypes.c_char * 64),
                ("subject", ctypes.c_char * 264), ("scopes", ctypes.c_char * 2080)]


class Buffer:
    """Claims for libjeton to fill, the pointer to them, and as bytes all that comes before the subject: there, no text
    leaves the end of a longer one behind."""

    __slots__ = "claims", "pointer", "fixed"

    def __init__(self) -> None:
        self.claims = ClaimsStruct(size=ctypes.sizeof(ClaimsStruct))
        self.pointer = ctypes.byref(self.claims)
        self.fixed = (ctypes.c_char * ClaimsStruct.subject.offset).from_buffer(self.claims)


class Handle(ctypes.c_void_p):
    """struct jeton *.  It is closed when nobody refers to it any more, and a call that is running does."""

    library: ctypes.CDLL

    def __del__(self) -> None:
        if self.value:
            self.library.jeton_close(self)


_library: ctypes.CDLL | None = None
_scopes_kept: dict[str, bytes] = {}


def library() -> ctypes.CDLL:
    """Return libjeton, which is loaded by the first that needs it."""
    global _library
    if _library is None:
        try:
            _library = Handle.library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise OSError(f"{error}; install libjeton0, or name its directory in LD_LIBRARY_PATH") from None
        _library.jeton_close.restype = None
    return _library


def _value(value: str | bytes | bytearray | memoryview) -> bytes:
    """Return a presented value as bytes.  Text that is not ASCII is no token's, but must not be an error."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)


def _scopes(scopes: str | Iterable[str]) -> bytes:
    """Return scopes as libjeton takes them.  A service asks for few: they are kept."""
    names = scopes if isinstance(scopes, str) else ",".join(scopes)
    text = names.encode("utf-8", "surrogatepass")
    if b"\0" in text:
        return INVALID_SCOPES
    if len(_scopes_kept) < SCOPES_KEPT_MAX:
        _scopes_kept[names] = text
    return text


def _subject(subject: str) -> bytes:
    text = subject.encode("utf-8", "surrogateescape")
    return INVALID_SUBJECT if b"\0" in text else text


def _text(raw: bytes) -> str:
    """Decode a claim.  Two that differ must not become the same."""
    return raw.decode("utf-8", "surrogateescape")


class Jeton:
    """A handle on libjeton.

    socket     the daemon's verify socket.  It is trusted only if nobody but root, this process's user and the
               daemon's could have put it there
    service    whose verifier stack judges, as [service NAME] in jetond.conf(5); None: the default one
    timeout    seconds that a verification may take in all, if the daemon must be asked: 0.001 to 600
    table      False: ask the daemon every time
    reports    False: do not tell the daemon which tokens the table let pass

    If the daemon does not run, that is no error: each verification tries again.  OSError: the socket is not to be
    trusted (EPERM, ELOOP), may not be connected to (EACCES), an argument is wrong (EINVAL), or there is no libjeton.

    Open it before a chroot, and close() it or use `with` when it is not needed any more."""

    def __init__(self, socket: str | os.PathLike[str] = SOCKET, service: str | None = None, *, timeout: float = 1.0,
                 table: bool = True, reports: bool = True) -> None:
        self._handle: Handle | None = None
        self._buffers: collections.deque[Buffer] = collections.deque(maxlen=64)
        self._known: dict[bytes, tuple[bytes, bytes, Claims]] = {}
        path, name = os.fsencode(socket), None if service is None else service.encode("utf-8", "surrogateescape")
        if b"\0" in path or (name is not None and b"\0" in name):
            raise ValueError("a NUL in the path or the name of the service")
        lib, handle = library(), Handle()
        flags = ctypes.c_uint((0 if table else NO_TABLE) | (0 if reports else NO_REPORTS))
        error = lib.jeton_open(ctypes.byref(handle), path, name, flags)
        if error != 0:
            raise OSError(-error, os.strerror(-error), os.fspath(socket))
        # So long a wait that the number does not fit is refused, too.
        if lib.jeton_set_timeout(handle, ctypes.c_uint(max(0, min(round(timeout * 1000), 600001)))) != 0:
            raise ValueError(f"timeout={timeout}: 0.001 to 600 seconds")
        self._verify = lib.jeton_verify
        self._handle = handle

    def check(self, value: str | bytes, scopes: str | Iterable[str] | None = None, subject: str | None = None) -> Status:
        """Judge a value like verify(), and return the status, whatever it is; the fastest way."""
        handle = self._handle
        if handle is None:
            raise ValueError("the handle is closed")
        if type(value) is not bytes:
            value = _value(value)
        if scopes is not None:
            kept = _scopes_kept.get(scopes) if type(scopes) is str else None
            scopes = kept or _scopes(scopes)  # type: ignore[assignment]
        if subject is not None:
            subject = _subject(subject)  # type: ignore[assignment]
        length = len(value)
        number = self._verify(handle, value, LENGTHS[length] if length < 256 else ctypes.c_size_t(length),
                              scopes, subject, None)
        return PASS if number == OK else Status.of(number)

    def verify(self, value: str | bytes, scopes: str | Iterable[str] | None = None, subject: str | None = None) -> Claims:
        """Judge a value, and return the token's claims; raise an Error for any answer but yes.

        value      what the client presented, as it is
        scopes     names, or one text with commas between them, all of which the token must have; None: none.
                   No name at all is Invalid, so that an empty setting does not ask for nothing
        subject    whom the token must speak for; None: anybody; "": nobody

        It blocks only if the daemon must be asked, and then no longer than the timeout; other threads go on
        meanwhile."""
        handle = self._handle
        if handle is None:
            raise ValueError("the handle is closed")
        if type(value) is not bytes:
            value = _value(value)
        if scopes is not None:
            kept = _scopes_kept.get(scopes) if type(scopes) is str else None
            scopes = kept or _scopes(scopes)  # type: ignore[assignment]
        if subject is not None:
            subject = _subject(subject)  # type: ignore[assignment]
        try:
            # Nobody else has it until it is put back: another thread, a signal's handler, a finalizer.
            buffer = self._buffers.pop()
        except IndexError:
            buffer = Buffer()
        length = len(value)
        number = self._verify(handle, value, LENGTHS[length] if length < 256 else ctypes.c_size_t(length),
                              scopes, subject, buffer.pointer)
        if number != OK:
            refusal = _refusal(number, buffer.claims)
            self._buffers.append(buffer)
            raise refusal
        claims, fixed = buffer.claims, buffer.fixed.raw
        known = self._known.get(fixed)
        if known is not None and known[0] == claims.subject and known[1] == claims.scopes:
            passed = known[2]
        else:
            passed = self._read(claims, fixed)
        self._buffers.append(buffer)
        return passed

    def _read(self, claims: ClaimsStruct, fixed: bytes) -> Claims:
        """Make the claims of a pass, and keep them for the next that has the same bytes.  That is no verdict."""
        expires, subject, scopes = claims.expires, claims.subject, claims.scopes
        passed = make_claims(claims.id.decode(), _text(subject), scopes.decode(), None if expires == NEVER else expires,
                             _text(claims.verifier), SOURCES[claims.source])
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[fixed] = subject, scopes, passed
        return passed

    def close(self) -> None:
        """Close the handle, at once or when calls of other threads that are running have returned."""
        self._handle = None

    def __enter__(self) -> Jeton:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: types.TracebackType | None) -> None:
        self.close()


def _refusal(number: int, claims: ClaimsStruct) -> Error:
    status = Status.of(number)
    return error_of(status, _text(claims.id), claims.retry_after)
