# SPDX-License-Identifier: Apache-2.0
"""A client of the line protocol that knows nothing but its grammar, and never waits for ever."""
import array
import collections
import fcntl
import re
import select
import socket
import subprocess
import termios
import time

from settings import PATIENCE

ARGUMENT = re.compile(r' *(?:([a-z][a-z_]*)=)?("(?:[^"\\]|\\.)*"|[^" ]*)')
ESCAPE = re.compile(r'\\(x[0-9a-fA-F]{2}|.)')
PLAIN = {"n": "\n", "t": "\t", "r": "\r"}


class Closed(Exception):
    """The daemon has closed the connection."""


def unquote(word):
    if not word.startswith('"'):
        return word
    return ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else PLAIN.get(m[1], m[1]),
                      word[1:-1])


def quote(text):
    """Any text as a quoted value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\x{ord(m[0]):02x}", escaped) + '"'


class Fields(dict):
    """The arguments of one line: key=value as a dictionary, the rest as .words."""

    def __init__(self, raw):
        super().__init__()
        self.raw = raw if isinstance(raw, str) else raw.decode()
        self.words = []
        at, end = 0, len(self.raw)
        while at < end:
            match = ARGUMENT.match(self.raw, at)
            if match.end() == at:
                raise ValueError(f"not a line of the grammar: {self.raw!r}")
            at = match.end()
            if match[1] is None:
                self.words.append(unquote(match[2]))
            elif match[1] in self:
                raise ValueError(f"{match[1]}= twice: {self.raw!r}")
            else:
                self[match[1]] = unquote(match[2])

    def __repr__(self):
        return self.raw


class Reply:
    """Data lines and the final line.  .verdict is `OK`, `NO reason` or `ERR code`."""

    def __init__(self, data, final):
        self.data = data
        self.final = Fields(final)
        words = self.final.words
        if words[:1] not in (["OK"], ["NO"], ["ERR"]) or len(words) != 1 + (words[0] != "OK"):
            raise ValueError(f"not a final line: {final!r}")
        if words[0] != "OK" and "message" not in self.final:
            raise ValueError(f"no message= for people: {final!r}")
        self.verdict = " ".join(words)

    @property
    def lines(self):
        return [Fields(line[2:]) for line in self.data]

    def __getitem__(self, key):
        return self.final[key]

    def __contains__(self, key):
        return key in self.final

    def __repr__(self):
        return f"<{len(self.data)} data lines, {self.final}>"


def encoded(line):
    return (line if isinstance(line, bytes) else line.encode()) + b"\n"


class Client:
    def __init__(self, path, patience=40):
        self.patience = patience * PATIENCE
        self.lines = collections.deque()    # whole lines received, not yet looked at
        self.rest = b""                     # and what came of the next one
        self.data = []                      # data lines of the reply that is coming in
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.patience)
        self.sock.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *lines):
        self.send_raw(b"".join(map(encoded, lines)))

    def send_raw(self, data):
        self.sock.settimeout(self.patience)
        self.sock.sendall(data)

    def finish(self):
        """Closes the writing side."""
        self.sock.shutdown(socket.SHUT_WR)

    def request(self, line):
        self.send(line)
        return self.reply()

    def reply(self, within=None):
        """Return the next reply; raise Closed at the end, or ValueError if that cut a reply off."""
        deadline = time.monotonic() + (within or self.patience)
        while (reply := self.whole_reply()) is None:
            self.receive(deadline)
        return reply

    def replies(self):
        """All replies until the daemon closes."""
        found = []
        try:
            while True:
                found.append(self.reply())
        except Closed:
            return found

    def whole_reply(self):
        while self.lines:
            line = self.lines.popleft()
            if line.startswith(b"*"):
                self.data.append(line)
                continue
            reply, self.data = Reply(self.data, line), []
            return reply
        return None

    def line(self, within=None):
        """The next line as it is, for streams too long to keep."""
        deadline = time.monotonic() + (within or self.patience)
        while not self.lines:
            self.receive(deadline)
        return self.lines.popleft()

    def receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no reply before the deadline")
        self.sock.settimeout(left)
        self.feed(self.sock.recv(1 << 18))

    def feed(self, data):
        if not data:
            if self.rest or self.data:
                raise ValueError(f"closed within a reply: {self.data[-1:]} {self.rest!r}")
            raise Closed
        *whole, self.rest = (self.rest + data).split(b"\n")
        self.lines.extend(whole)

    def pipeline(self, lines, within=None):
        """Send all lines without waiting, and read meanwhile.  Return the replies, one a line."""
        lines = list(lines)
        unsent = memoryview(b"".join(map(encoded, lines)))
        deadline = time.monotonic() + (within or self.patience)
        found = []
        self.sock.setblocking(False)
        poll = select.poll()
        while len(found) < len(lines):
            poll.register(self.sock, select.POLLIN | (select.POLLOUT if unsent else 0))
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(found)} of {len(lines)} replies before the deadline")
            events = dict(poll.poll(1000 * left)).get(self.sock.fileno(), 0)
            if events & select.POLLOUT:
                unsent = unsent[self.sock.send(unsent[:1 << 18]):]
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self.feed(self.sock.recv(1 << 18))
            while (reply := self.whole_reply()) is not None:
                found.append(reply)
        return found

    def closed(self, within=None):
        """Wait for the daemon to close the connection.  Return the replies received before."""
        found, deadline = [], time.monotonic() + (within or self.patience)
        try:
            while True:
                found.append(self.reply(deadline - time.monotonic()))
        except (Closed, ConnectionResetError):
            return found

    def silent(self, within=0):
        """True if nothing was received that was not read, nor is within so many seconds."""
        return not self.lines and not self.rest and not select.select([self.sock], [], [], within)[0]

    def unread(self):
        """Return the number of bytes that were received and not read."""
        return queued(self.sock, termios.FIONREAD)

    def unread_by_peer(self):
        """Return the number of sent bytes that the daemon has not taken out of the socket."""
        return queued(self.sock, termios.TIOCOUTQ)


def queued(sock, which):
    """Return the bytes in a socket's queue: FIONREAD for received ones, TIOCOUTQ for sent ones."""
    answer = array.array("i", [0])
    fcntl.ioctl(sock, which, answer)
    return answer[0]


def socat(path, text, wait=30):
    """What socat prints when this text is typed into it; it closes its writing side at the end."""
    done = subprocess.run(["socat", f"-t{wait * PATIENCE}", "-", f"UNIX-CONNECT:{path}"],
                          input=text if isinstance(text, bytes) else text.encode(),
                          capture_output=True, timeout=60 * PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"socat: {done.stderr.decode()}")
    return done.stdout.decode()


def replies_in(text):
    """Return the replies in a session's output."""
    found, data = [], []
    for line in text.splitlines():
        if line.startswith("* "):
            data.append(line)
        else:
            found.append(Reply(data, line))
            data = []
    return found
