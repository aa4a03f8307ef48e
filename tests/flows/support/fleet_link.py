# SPDX-License-Identifier: Apache-2.0
"""What may be between an agent and PostgreSQL: a proxy on a Unix socket, which can lose notifications as a pooler does, or
stop passing anything on as a broken network does."""
import os
import socket
import struct
import threading


class Link:
    """Listens in `directory` on PostgreSQL's port 5432, and connects to the server in `server`."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        self.deaf = False           # notifications are lost
        self.stopped = threading.Event()
        self.stopped.set()          # cleared: nothing passes
        self.sockets = set()
        self.listener = None

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.directory}/.s.PGSQL.5432")
        os.chmod(f"{self.directory}/.s.PGSQL.5432", 0o777)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.stopped.set()
        self.cut()

    def cut(self):
        for one in list(self.sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{self.server}/.s.PGSQL.5432")
            except OSError:
                return
            self.sockets |= {client, server}
            threading.Thread(target=self.copy, args=(client, server), daemon=True).start()
            threading.Thread(target=self.filter, args=(server, client), daemon=True).start()

    def copy(self, source, target):
        try:
            while data := source.recv(1 << 16):
                self.stopped.wait()
                target.sendall(data)
        except OSError:
            pass
        self.end(source, target)

    def filter(self, source, target):
        """Pass the server's messages on: a type, a length, and the rest."""
        buffer = b""
        try:
            while data := source.recv(1 << 16):
                buffer += data
                passed, at = [], 0
                while len(buffer) - at >= 5:
                    size = 1 + struct.unpack_from("!i", buffer, at + 1)[0]
                    if len(buffer) - at < size:
                        break
                    if not (self.deaf and buffer[at:at + 1] == b"A"):
                        passed.append(buffer[at:at + size])
                    at += size
                buffer = buffer[at:]
                self.stopped.wait()
                target.sendall(b"".join(passed))
        except OSError:
            pass
        self.end(source, target)

    def end(self, *both):
        for one in both:
            self.sockets.discard(one)
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
