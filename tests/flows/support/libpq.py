# SPDX-License-Identifier: Apache-2.0
"""A client of PostgreSQL: libpq by ctypes, as much of it as tests need.  Calls let other threads run while they wait."""
import ctypes
import ctypes.util
import functools
import select
import time

NOTICE_RECEIVER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
TUPLES_OK = 2
GOOD = (0, 1, TUPLES_OK, 3, 4, 8)           # also empty, a command, and copies
COPY_OUT, COPY_IN = 3, 4
SQLSTATE, MESSAGE, DETAIL = ord("C"), ord("M"), ord("D")
CONVERT = {16: lambda text: text == "t", 17: lambda text: bytes.fromhex(text[2:]), 700: float, 701: float, 1700: float}
CONVERT |= dict.fromkeys((20, 21, 23, 26), int)


class Notify(ctypes.Structure):
    _fields_ = [("channel", ctypes.c_char_p), ("pid", ctypes.c_int), ("payload", ctypes.c_char_p)]


@functools.cache
def library():
    lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
    p, s, i = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, *arguments in (
            ("PQconnectdb", p, s), ("PQstatus", i, p), ("PQerrorMessage", s, p), ("PQfinish", None, p),
            ("PQexecParams", p, p, s, i, p, p, p, p, i), ("PQexec", p, p, s), ("PQresultStatus", i, p),
            ("PQresultErrorField", s, p, i), ("PQntuples", i, p), ("PQnfields", i, p), ("PQftype", ctypes.c_uint, p, i),
            ("PQgetisnull", i, p, i, i), ("PQgetvalue", s, p, i, i), ("PQclear", None, p), ("PQsocket", i, p),
            ("PQconsumeInput", i, p), ("PQnotifies", ctypes.POINTER(Notify), p), ("PQfreemem", None, p),
            ("PQsetNoticeReceiver", p, p, NOTICE_RECEIVER, p), ("PQgetCopyData", i, p, ctypes.POINTER(p), i),
            ("PQgetResult", p, p), ("PQputCopyData", i, p, s, i), ("PQputCopyEnd", i, p, s),
            ("PQgetCancel", p, p), ("PQcancel", i, p, p, i), ("PQbackendPID", i, p), ("PQclientEncoding", i, p)):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class DatabaseError(Exception):
    """What the server refused, or a lost connection (without an sqlstate)."""

    def __init__(self, message, sqlstate=None, detail=None):
        super().__init__(f"{sqlstate}: {message}" + (f" ({detail})" if detail else ""))
        self.message, self.sqlstate, self.detail = message, sqlstate, detail


def conninfo_of(parameters):
    def quoted(value):
        return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
    return " ".join(f"{name}={quoted(value)}" for name, value in parameters.items())


def written(value):
    """Return a parameter's text, as the server reads it."""
    if isinstance(value, (list, tuple)):
        return b"{" + b",".join(b"NULL" if one is None else b'"' + written(one).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
                                for one in value) + b"}"
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    return str(value).encode()


class Connection:
    """A session.  ask() returns rows as tuples of int, float, bool, bytes, str and None."""

    def __init__(self, conninfo=None, **parameters):
        self.lib = library()
        self.notices = []                   # (sqlstate, message)
        self.handle = self.lib.PQconnectdb((conninfo or conninfo_of(parameters)).encode())
        if self.lib.PQstatus(self.handle) != 0:
            message = self.lib.PQerrorMessage(self.handle).decode()
            self.close()
            raise DatabaseError(message)
        self.receiver = NOTICE_RECEIVER(self.on_notice)
        self.lib.PQsetNoticeReceiver(self.handle, self.receiver, None)
        self.pid = self.lib.PQbackendPID(self.handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.handle:
            self.lib.PQfinish(self.handle)
            self.handle = None

    def on_notice(self, _, result):
        self.notices.append((self.field(result, SQLSTATE), self.field(result, MESSAGE)))

    def field(self, result, code):
        text = self.lib.PQresultErrorField(result, code)
        return text.decode(errors="replace") if text is not None else None

    def ask(self, statement, *values):
        """Run one statement with parameters $1 …."""
        texts = [None if value is None else written(value) for value in values]
        array = (ctypes.c_char_p * max(1, len(texts)))(*texts)
        return self.rows(self.lib.PQexecParams(self.handle, statement.encode(), len(texts), None, array, None, None, 0))

    def run(self, script):
        """Run statements without parameters, in one transaction unless they say otherwise."""
        return self.rows(self.lib.PQexec(self.handle, script.encode()))

    def row(self, statement, *values):
        (row,) = self.ask(statement, *values)
        return row

    def value(self, statement, *values):
        return self.row(statement, *values)[0]

    def refusal(self, statement, *values):
        """Return the error, which must come."""
        try:
            rows = self.ask(statement, *values)
        except DatabaseError as error:
            return error
        raise AssertionError(f"not refused: {statement} {values!r}: {rows!r}")

    def copy_out(self, statement):
        """Return the lines of COPY … TO STDOUT."""
        self.run(statement)
        lines, buffer = [], ctypes.c_void_p()
        while (size := self.lib.PQgetCopyData(self.handle, ctypes.byref(buffer), 0)) > 0:
            lines.append(ctypes.string_at(buffer, size))
            self.lib.PQfreemem(buffer)
        self.drain()
        return lines

    def copy_in(self, statement, data):
        self.run(statement)
        self.lib.PQputCopyData(self.handle, data, len(data))
        self.lib.PQputCopyEnd(self.handle, None)
        self.drain()

    def drain(self):
        while result := self.lib.PQgetResult(self.handle):
            self.rows(result)

    def rows(self, result):
        lib = self.lib
        try:
            if lib.PQresultStatus(result) not in GOOD:
                raise DatabaseError(self.field(result, MESSAGE) or lib.PQerrorMessage(self.handle).decode(errors="replace"),
                                    self.field(result, SQLSTATE), self.field(result, DETAIL))
            columns = range(lib.PQnfields(result))
            convert = [CONVERT.get(lib.PQftype(result, column), str) for column in columns]
            return [tuple(None if lib.PQgetisnull(result, line, column) else convert[column](lib.PQgetvalue(result, line, column).decode())
                          for column in columns) for line in range(lib.PQntuples(result))]
        finally:
            lib.PQclear(result)

    def notifications(self, within=0.0):
        """Return (channel, payload) of what has come; waits so many seconds for the first."""
        found, until = [], time.monotonic() + within
        while not found:
            left = until - time.monotonic()
            select.select([self.lib.PQsocket(self.handle)], [], [], max(0, left))
            if not self.lib.PQconsumeInput(self.handle):
                raise DatabaseError(self.lib.PQerrorMessage(self.handle).decode())
            while note := self.lib.PQnotifies(self.handle):
                found.append((note.contents.channel.decode(), note.contents.payload.decode()))
                self.lib.PQfreemem(note)
            if left <= 0:
                break
        return found
