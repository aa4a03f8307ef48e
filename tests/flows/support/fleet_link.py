# SPDX-License-Identifier: Apache-2.0
"""What may be between an agent and PostgreSQL: a proxy on a Unix socket or on TCP, which can lose notifications as a pooler does,
stop passing anything on as a broken network does, or leave connections half open as a machine does that is gone."""
import os
import socket
import struct
import threading


class Link:
    """Listens in `directory` on PostgreSQL's port 5432, or without one on a port of 127.0.0.1; connects to the server in `server`."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        self.abandoned = False      # who was connected stays so, alone
        self.deaf = False           # notifications are lost
        self.bytes_most = None      # the first connection over which the server has sent more ends
        self.stopped = threading.Event()
        self.stopped.set()          # cleared: nothing passes
        self.sockets, self.clients = set(), set()
        self.listener = None

    def __enter__(self):
        if self.directory is None:
            self.listener = socket.socket(socket.AF_INET)
            self.listener.bind(("127.0.0.1", 0))
        else:
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
        for one in self.sockets - (self.clients if self.abandoned else set()):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def abandon(self):
        """End the server's side of all connections, and tell the clients nothing; accept others, and serve them no more."""
        self.abandoned = True
        self.cut()

    def restore(self):
        """The machine is there again: it knows nothing of the connections from before."""
        self.abandoned = False
        self.cut()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                self.clients.add(client)
                if self.abandoned:
                    self.sockets.add(client)
                    continue
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
        buffer, count = b"", 0
        try:
            while data := source.recv(1 << 16):
                buffer += data
                count += len(data)
                if self.bytes_most is not None and count > self.bytes_most:
                    self.bytes_most = None
                    break
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
        if self.abandoned:
            return
        for one in both:
            self.sockets.discard(one)
            self.clients.discard(one)
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
