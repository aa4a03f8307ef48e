# SPDX-License-Identifier: Apache-2.0
"""A jeton-gateway of our own, and an HTTP client that sends bytes as they are."""
import os
import signal
import socket
import subprocess
import tempfile

from daemon import environment
from server_process import ServerProcess
from settings import BUILD, PATIENCE
from waiting import eventually

GATEWAY = os.path.join(BUILD, "jeton-gateway")
# A service that the table cannot answer for, only the daemon: for the configuration of jetond, and of the gateway.
ASKED = "[service asked]\nrequisite = local\nrequisite = require subject=ann\n"
ASKS = "[site api]\nservice = asked\n"
IDENTITY = ("x-jeton-id", "x-jeton-subject", "x-jeton-scopes", "x-jeton-expires", "x-jeton-verifier")


class Response:
    """One response: status, header fields (names in lower case, all lines of each) and body."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        version, status, self.reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        self.status = int(status)
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip() and name, line
            self.fields.setdefault(name.lower(), []).append(value.strip())
        self.body = body

    def get(self, name):
        values = self.fields.get(name.lower(), [])
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    @property
    def identity(self):
        return {name.removeprefix("x-jeton-"): self.get(name) for name in IDENTITY}

    @property
    def challenges(self):
        return self.fields.get("www-authenticate", [])

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body!r}"


class Connection:
    """A connection to a Unix socket, or to (host, port)."""

    def __init__(self, address, within=20):
        self.sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.sock.settimeout(within * PATIENCE)
        self.sock.connect(address)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def response(self, head_only=False):
        """Read one response; None: the connection was closed instead."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                assert self.buffer == b"", self.buffer
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        response = Response(head, b"")
        if response.get("content-length") is None:      # the body ends with the connection
            while self._more():
                pass
        length = 0 if head_only else int(response.get("content-length") or len(self.buffer))
        while len(self.buffer) < length:
            assert self._more()
        response.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return response

    def ask(self, data, head_only=False):
        self.send(data)
        return self.response(head_only)

    def is_closed(self):
        """True if the server sends no more: waits for that."""
        while self._more():
            pass
        return self.buffer == b""


def request(target="/verify/api", *fields, method="GET", version="1.1", host="Host: x"):
    """Return a request's bytes; each field is a line."""
    lines = [f"{method} {target} HTTP/{version}", *([host] if host else []), *fields]
    return b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines) + b"\r\n"


def bearer(token):
    return f"Authorization: Bearer {token}"


class Gateway(ServerProcess):
    """A jeton-gateway in front of a daemon.

    config      text of its configuration, besides [gateway] with sockets
    settings    `section.key=value`, each
    sockets     {name: listening socket} that it inherits
    """

    program = "jeton-gateway"

    def __init__(self, daemon, *settings, config="[site api]\n", sockets=None, uid=None, extra=None):
        self.directory = tempfile.mkdtemp(prefix="gw")
        self.daemon = daemon
        self.settings = settings
        self.sockets = sockets or {}
        self.uid = uid
        self.extra = extra or {}
        self.config = f"{self.directory}/gateway.conf"
        self.log_path = f"{self.directory}/log"
        self.configure(config)

    @property
    def path(self):
        return f"{self.directory}/http.sock"

    @property
    def admin(self):
        return f"{self.directory}/admin.sock"

    def configure(self, text):
        """Replace the configuration file in one step."""
        with open(f"{self.config}.new", "w") as file:
            file.write(f"[gateway]\npath = {self.path}\ngroup =\nadmin = {self.admin}\n"
                       f"socket = {self.daemon.path('verify')}\nlog_level = debug\n" + text)
        os.chmod(file.name, 0o644)
        os.rename(file.name, self.config)

    def arguments(self):
        return ["--config", self.config, *(word for one in self.settings for word in ("--set", one))]

    def spawn(self):
        prefix, given = [], [s.fileno() for s in self.sockets.values()]
        if self.sockets:        # only the process itself knows its number
            names = ":".join(self.sockets)
            moves = "".join(f" {3 + i}<&{fd}" for i, fd in enumerate(given))
            prefix = ["bash", "-c", f"export LISTEN_PID=$$ LISTEN_FDS={len(given)} LISTEN_FDNAMES={names}; "
                      f'exec "$@"{moves}', "bash"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, GATEWAY, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=given, env=environment() | self.extra,
                **({"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid is not None else {}))
        return self

    def __enter__(self):
        if self.uid is not None:
            os.chown(self.directory, self.uid, self.uid)
        os.chmod(self.directory, 0o755)
        self.spawn()
        eventually(self.is_ready, "the gateway is ready", 20)
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"jeton-gateway ended with {self.process.returncode}: {self.log()}"
        return "ready: " in self.log()

    def reload(self, text=None):
        """Let it load its configuration again; wait for the end of that."""
        if text is not None:
            self.configure(text)
        before = self.log().count(" reload: ")
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.log().count(" reload: ") > before, "it has loaded the configuration")

    def connect(self, address=None):
        return Connection(address or self.path)

    def ask(self, *arguments, **more):
        """Send one request over a connection of its own."""
        with self.connect() as connection:
            return connection.ask(request(*arguments, **more), more.get("method") == "HEAD")

    def verify(self, token, target="/verify/api", *fields):
        return self.ask(target, bearer(token), *fields)

    def read(self, target):
        with self.connect(self.admin) as connection:
            return connection.ask(request(target))

    def metric(self, line):
        """Return the value of a metric, written as in the text without the prefix."""
        for one in self.read("/metrics").body.decode().splitlines():
            if one.startswith(f"jeton_gateway_{line} "):
                return float(one.split()[-1])
        raise AssertionError(f"there is no {line}")


def run_gateway(*arguments, within=20):
    """Run jeton-gateway to its end."""
    return subprocess.run([GATEWAY, *arguments], capture_output=True, text=True, errors="replace",
                          timeout=within * PATIENCE, stdin=subprocess.DEVNULL)
