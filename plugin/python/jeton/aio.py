# SPDX-License-Identifier: Apache-2.0
"""Verify tokens in an asyncio program, over the daemon's socket.

    async with jeton.aio.Client(service="api") as tokens:
        claims = await tokens.verify(value, scopes="deploy")

Verifications of any number of tasks go over one connection, without waiting for each other.  It is made when it is
needed, and made anew after a restart of the daemon.  libjeton is not needed.  A client belongs to one event loop."""
from __future__ import annotations

import asyncio
import collections
import os
import socket
import types
from collections.abc import Iterable

from ._answer import Claims, Error, Status, Unavailable
from ._request import LINE_MAX, SOCKET, answer, check_service, request
from ._trust import check_server

WAITING_MAX = 250       # questions on one connection


class Connection(asyncio.Protocol):
    """One connection.  Replies come in the order of the requests."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.waiting: collections.deque[tuple[float, asyncio.Future[bytes]]] = collections.deque()
        self.to_send: list[bytes] = []
        self.received = b""
        self.last_reply = 0.0
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        for _, future in self.waiting:
            if not future.done():
                future.set_exception(ConnectionResetError("the connection ended"))
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            if line.startswith(b"* ") or line == b"*":
                continue
            if not self.waiting:
                self.abort()            # whose reply would the next one be?
                return
            self.last_reply = self.loop.time()
            _, future = self.waiting.popleft()
            if not future.done():
                future.set_result(line)
        if len(self.received) > 2 * LINE_MAX:
            self.abort()

    def abort(self) -> None:
        self.is_open = False
        if self.transport is not None:
            self.transport.abort()

    async def ask(self, line: bytes) -> bytes:
        """Send a request, and return its final line; ConnectionError: there will be none."""
        if not self.is_open or self.transport is None:
            raise ConnectionResetError("the connection ended")
        if len(self.waiting) >= WAITING_MAX:
            await asyncio.sleep(0)      # whoever asks again and again must not keep the replies from being read
            raise Unavailable(f"{WAITING_MAX} questions wait already")
        future: asyncio.Future[bytes] = self.loop.create_future()
        # It stays there when it is given up, so that its reply is nobody else's.
        self.waiting.append((self.loop.time(), future))
        if not self.to_send:
            self.loop.call_soon(self.flush)
        self.to_send.append(line)
        return await future

    def flush(self) -> None:
        """Send in one go what all tasks have asked meanwhile."""
        if self.is_open and self.transport is not None:
            self.transport.write(b"".join(self.to_send))
        self.to_send.clear()

    def abort_if_silent(self, seconds: float) -> None:
        """Let the next question make a new connection, if one has waited and the server answered none for so long."""
        if self.waiting and self.loop.time() - max(self.last_reply, self.waiting[0][0]) >= seconds:
            self.abort()


class Client:
    """Asks the daemon.

    socket     the daemon's verify socket, an absolute path.  It is trusted only if nobody but root, this process's
               user and the daemon's could have put it there
    service    whose verifier stack judges; None: the default one
    timeout    seconds that a verification may take in all, connecting included"""

    def __init__(self, socket: str | os.PathLike[str] = SOCKET, service: str | None = None, *,
                 timeout: float = 1.0) -> None:
        self._path = os.fspath(socket)
        self._service = check_service(service)
        if not timeout > 0:
            raise ValueError(f"timeout={timeout}: more than 0 seconds")
        self._timeout = timeout
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def verify(self, value: str | bytes, scopes: str | Iterable[str] | None = None, subject: str | None = None,
                     client: str | None = None) -> Claims:
        """Judge a value, and return the token's claims; raise an Error for any answer but yes.

        As Jeton.verify(), but a value with bytes outside 0x21 to 0x7E is malformed, without a question.  `client`
        names for whom you ask, such as the address of your own client: a throttle may count failures by it."""
        raw, line = request(value, self._service, scopes, subject, client)
        try:
            async with asyncio.timeout(self._timeout):
                return answer(await self._ask(line), raw)
        except TimeoutError as error:
            if self._connection is not None:
                self._connection.abort_if_silent(self._timeout / 2)
            raise Unavailable("no answer in time") from error
        except OSError as error:
            raise Unavailable(f"{self._path}: {error}") from error

    async def check(self, value: str | bytes, scopes: str | Iterable[str] | None = None, subject: str | None = None,
                    client: str | None = None) -> Status:
        """Judge a value like verify(), and return the status, whatever it is."""
        try:
            await self.verify(value, scopes, subject, client)
        except Error as error:
            return error.status
        return Status.OK

    async def close(self) -> None:
        """Close the connection; questions that wait are Unavailable."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.abort()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: types.TracebackType | None) -> None:
        await self.close()

    async def _ask(self, line: bytes) -> bytes:
        """Ask, and once more if the connection turned out to be that of a daemon that is gone."""
        connection = await self._connect()
        try:
            return await connection.ask(line)
        except ConnectionError:
            connection = await self._connect()
            return await connection.ask(line)

    async def _connect(self) -> Connection:
        """Return the open connection; one task makes it for all that need it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise ValueError("the client belongs to another event loop")
            self._loop, self._connection, self._connecting = loop, None, None
        if self._closed:
            raise ValueError("the client is closed")
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._connecting is None or self._connecting.done():
            self._connecting = loop.create_task(self._open())
            # Whoever waited for it may have given up: its error is nobody's then.
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._connecting)

    async def _open(self) -> Connection:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(self._timeout):
                await self._connect_socket(sock)
                check_server(self._path, sock)
                _, connection = await asyncio.get_running_loop().create_unix_connection(Connection, sock=sock)
        except BaseException:
            sock.close()
            raise
        self._connection = connection
        return connection

    async def _connect_socket(self, sock: socket.socket) -> None:
        """Connect; try again while the daemon's queue of new connections is full."""
        while True:
            try:
                sock.connect(self._path)
                return
            except BlockingIOError:
                await asyncio.sleep(0.005)
