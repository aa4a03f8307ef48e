# SPDX-License-Identifier: Apache-2.0
"""A jeton-web of our own, and requests to it as bytes."""
import os
import re
import subprocess
import tempfile

from daemon import environment
from gateway import Connection, Response
from server_process import ServerProcess
from settings import BUILD, ROOT

WEB = os.path.join(BUILD, "jeton-web")
PAGE = os.path.join(ROOT, "plugin/web/page")
LINK = re.compile(r"(http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?)/#([A-Za-z0-9_-]{43})\n")


class Stream:
    """The answer of an exchange, chunk by chunk."""

    def __init__(self, connection):
        self.connection = connection
        while b"\r\n\r\n" not in connection.buffer:
            assert connection._more(), "no answer"
        head, _, connection.buffer = connection.buffer.partition(b"\r\n\r\n")
        self.response = Response(head, b"")
        self.rest = b""

    def chunk(self):
        """Return the next chunk, or None at the end.  One that was cut is an EOFError."""
        c = self.connection
        while b"\r\n" not in c.buffer:
            if not c._more():
                raise EOFError
        size, _, c.buffer = c.buffer.partition(b"\r\n")
        while len(c.buffer) < int(size, 16) + 2:
            if not c._more():
                raise EOFError
        data, c.buffer = c.buffer[:int(size, 16)], c.buffer[int(size, 16):]
        assert c.buffer[:2] == b"\r\n"
        c.buffer = c.buffer[2:]
        return data or None

    def line(self):
        """Return the next line of the answer, or None at its end."""
        while b"\n" not in self.rest:
            data = self.chunk()
            if data is None:
                assert self.rest == b"", self.rest
                return None
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def all(self):
        data = b""
        while (chunk := self.chunk()) is not None:
            data += chunk
        return data


class Web(ServerProcess):
    """A jeton-web in front of a daemon.

    socket      path of the daemon's socket
    options     of the command line
    program     what is run, and its first arguments
    uid         who it runs as, if not as we
    extra       {name: text} of its environment
    """

    program = "jeton-web"

    def __init__(self, socket, *options, program=None, uid=None, extra=None):
        self.directory = tempfile.mkdtemp(prefix="web")
        self.command = [*(program or (WEB, "--no-browser", "--socket", socket)), *options]
        self.uid, self.extra = uid, extra or {}
        self.log_path = f"{self.directory}/log"
        self.link = None

    def spawn(self):
        given = {name: text for name, text in environment().items() if not name.startswith(("SSH_", "SUDO_", "JETON_"))}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=given | self.extra,
                **({"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid is not None else {}))
        return self

    def __enter__(self):
        self.spawn()
        self.out = self.process.stdout.read().decode()      # its end does not wait for that of the process
        match = LINK.fullmatch(self.out)
        assert match or "--origin" in self.command, f"{self.out!r} {self.log()}"
        self.link = self.out.strip()
        self.origin, _, self.secret = self.link.partition("/#")
        self.host = self.origin.partition("//")[2]
        self.port = int(match[3][1:]) if match else None
        return self

    # -- requests -------------------------------------------------------------------------------

    def connect(self, address=None):
        return Connection(address or ("127.0.0.1", self.port))

    def head(self, line, *fields, host=None):
        host = self.host if host is None else host
        lines = [line, *([f"Host: {host}"] if host else []), *fields]
        return b"".join((one if isinstance(one, bytes) else one.encode()) + b"\r\n" for one in lines) + b"\r\n"

    def get(self, target="/", *fields, host=None, method="GET"):
        return self.head(f"{method} {target} HTTP/1.1", *fields, host=host)

    def post(self, body, *fields, host=None, origin=None, secret=None, length=None):
        """Return the bytes of an exchange; an origin, secret or length of False is left out."""
        body = body if isinstance(body, bytes) else body.encode()
        given = []
        if origin is not False:
            given.append(f"Origin: {origin or self.origin}")
        if secret is not False:
            given.append(f"Authorization: Bearer {secret or self.secret}")
        if length is not False:
            given.append(f"Content-Length: {len(body) if length is None else length}")
        return self.head("POST /exchange HTTP/1.1", *given, *fields, host=host) + body

    def prove(self, nonce, address=None):
        """Return what the server answers to a nonce of the page."""
        response = self.ask(self.head("POST /proof HTTP/1.1", f"Origin: {self.origin}", f"Jeton-Nonce: {nonce}", "Content-Length: 0"), address)
        assert response.status == 200, response
        return response.body.decode().strip()

    def ask(self, data, address=None):
        """Send bytes over a connection of their own, and read one response; of a stream, all of it."""
        with self.connect(address) as connection:
            connection.send(data)
            stream = Stream(connection)
            response = stream.response
            if response.get("transfer-encoding"):
                response.body = stream.all()
            else:
                length = int(response.get("content-length"))
                while len(connection.buffer) < length and connection._more():
                    pass
                response.body, connection.buffer = connection.buffer[:length], connection.buffer[length:]
            assert connection.is_closed(), connection.buffer
            return response

    def status(self, data):
        return self.ask(data).status

    def exchange(self, *lines):
        """Return what the daemon answers to these lines and `quit`."""
        response = self.ask(self.post("".join(f"{line}\n" for line in (*lines, "quit"))))
        assert response.status == 200, response
        return response.body.decode()

    def stream(self, *lines, **more):
        """Begin an exchange; return its connection and its answer."""
        connection = self.connect()
        connection.send(self.post("".join(f"{line}\n" for line in lines), **more))
        return connection, Stream(connection)
