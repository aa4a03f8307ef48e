# SPDX-License-Identifier: Apache-2.0
"""What the service manager is to a daemon: where it sends its messages, see sd_notify(3)."""
import contextlib
import os
import socket
import tempfile
import time

from settings import PATIENCE


class Manager:
    """Receive messages as a service manager does."""

    def __init__(self, abstract=False):
        self.name = ("@jeton-test-" + os.urandom(8).hex() if abstract else
                     tempfile.mkdtemp(prefix="") + "/notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + self.name[1:] if abstract else self.name)
        self.sock.settimeout(20 * PATIENCE)

    def next(self):
        """Return {variable: text} of the next message."""
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def wait(self, variable):
        """Wait for a message that has this variable; return it and those before it."""
        seen = []
        while not seen or variable not in seen[-1]:
            seen.append(self.next())
        return seen[-1], seen[:-1]

    def drain(self):
        self.sock.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(4096)
        self.sock.settimeout(20 * PATIENCE)

    def receives(self, variable, seconds):
        """True if a message with this variable comes within that time."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                if variable in self.next():
                    return True
        except TimeoutError:
            pass
        finally:
            self.sock.settimeout(20 * PATIENCE)
        return False
