# SPDX-License-Identifier: Apache-2.0
"""Running the jeton command: with pipes, on a terminal, and against a server that is not jetond."""
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

import pytest

from daemon import environment, REPORT
from settings import BUILD, PATIENCE

JETON = os.path.join(BUILD, "jeton")


def setting(path, **more):
    """Return the environment for a call, without variables that could change what is printed."""
    if not os.access(JETON, os.X_OK):
        pytest.skip(f"no {JETON}")
    given = {key: value for key, value in environment().items()
             if key not in ("NO_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG", "JETON_SOCKET",
                            "PAGER", "LESS", "LESSSECURE", "SUDO_UID")}
    return given | {"JETON_SOCKET": path, "JETON_PAGER": "", "LC_ALL": "C.UTF-8", "TERM": "xterm",
                    "TZ": "UTC"} | more


class Done:
    def __init__(self, arguments, status, out, err):
        report = REPORT.search(out + err)
        assert not report and status >= 0, f"jeton {arguments}: {status} {out}{err}"
        self.status, self.out, self.err = status, out, err

    @property
    def rows(self):
        """Plain output: the fields of each line."""
        return [line.split("\t") for line in self.out.splitlines()]

    def __repr__(self):
        return f"<{self.status} {self.out!r} {self.err!r}>"


def jeton(path, *arguments, input="", within=50, **more):
    """Run the jeton command with pipes; `path` is its socket."""
    done = subprocess.run([JETON, *arguments], input=input.encode(), capture_output=True,
                          env=setting(path, **more), timeout=within * PATIENCE)
    return Done(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())


class Terminal:
    """A program whose terminal is ours."""

    def __init__(self, path, *arguments, columns=80, lines=24, program=JETON, stdout=None, **more):
        environment = setting(path, **more)
        self.arguments, self.seen = arguments, b""
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            if stdout is not None:
                os.dup2(stdout, 1)
            os.execve(program, [program, *arguments], environment)

    def read(self, deadline):
        """Read more output; False at its end."""
        left = deadline - time.monotonic()
        assert left > 0, f"not before the deadline: {self.seen!r}"
        if not select.select([self.fd], [], [], left)[0]:
            return True
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def expect(self, text, within=30):
        deadline = time.monotonic() + within * PATIENCE
        while text.encode() not in self.seen:
            assert self.read(deadline), f"ended without {text!r}: {self.seen!r}"
        return self

    def type(self, text):
        os.write(self.fd, text.encode())
        return self

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def signal(self, number):
        os.kill(self.pid, number)
        return self

    def finish(self, within=30):
        """Return all its output; .status is negative if a signal ended the program."""
        deadline = time.monotonic() + within * PATIENCE
        while self.read(deadline):
            pass
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        text = self.seen.decode().replace("\r\n", "\n")
        report = REPORT.search(text)
        assert not report, f"jeton {self.arguments}: {text}"
        return text


class Impostor:
    """Listens like jetond, and answers each line with what a function makes of it: bytes; bytes
    and descriptors; or None, which closes the connection.  With `once` the first answer does too."""

    def __init__(self, answer, once=False):
        self.answer = answer
        self.once = once
        self.path = tempfile.mkdtemp(prefix="") + "/impostor.sock"
        self.lines = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock, sock.makefile("rb") as lines, contextlib.suppress(OSError):
            for line in lines:
                self.lines.append(line.rstrip(b"\n"))
                answer = self.answer(self.lines[-1])
                if answer is None:
                    return
                if isinstance(answer, tuple):
                    socket.send_fds(sock, [answer[0]], answer[1:])
                else:
                    sock.sendall(answer)
                if self.once:
                    return



SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Watching:
    """Run `jeton watch`, and collect the serials it has shown."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen([JETON, "watch", *arguments], env=setting(path), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.errors = [], []
        self.keepers = [threading.Thread(target=self.keep, args=what, daemon=True) for what in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for keeper in self.keepers:
            keeper.start()

    @staticmethod
    def keep(source, kept):
        for line in source:
            kept.append(line)

    def has(self, text):
        return any(text in line for line in self.errors)

    def end(self):
        """Return its exit status, once all that it printed is here."""
        self.process.terminate()
        status = self.process.wait(30 * PATIENCE)
        for keeper in self.keepers:
            keeper.join(30 * PATIENCE)
        return status
