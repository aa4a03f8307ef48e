# SPDX-License-Identifier: Apache-2.0
"""The DevTools protocol of Chromium over its WebSocket (RFC 6455), for what WebDriver cannot do."""
import base64
import contextlib
import itertools
import json
import os
import socket
import struct
import threading
import urllib.request

from settings import PATIENCE

TEXT, CLOSE, CONTINUED = 1, 8, 0


class Failed(Exception):
    """Chromium answered with an error."""


class DevTools:
    """A connection to a whole browser.  Events are kept in .events as (session, method, parameters)."""

    def __init__(self, address):
        with urllib.request.urlopen(f"http://{address}/json/version", timeout=20 * PATIENCE) as response:
            _, _, where, path = json.load(response)["webSocketDebuggerUrl"].split("/", 3)
        host, port = where.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), 60 * PATIENCE)
        self.stream = self.sock.makefile("rb")
        self.sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {where}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        assert b" 101 " in self.stream.readline()
        while self.stream.readline().strip():
            pass
        self.numbers = itertools.count(1)
        self.answers, self.events = {}, []
        self.changed = threading.Condition()
        self.sending = threading.Lock()
        self.closed = False
        threading.Thread(target=self.receive, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def call(self, method, session=None, within=30, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode()
        length = bytes([0x80 | len(data)]) if len(data) < 126 else (
            struct.pack("!BH", 0x80 | 126, len(data)) if len(data) < 65536 else struct.pack("!BQ", 0x80 | 127, len(data)))
        with self.sending:
            self.sock.sendall(bytes([0x80 | TEXT]) + length + bytes(4) + data)      # a mask of zeros changes nothing
        with self.changed:
            there = self.changed.wait_for(lambda: number in self.answers or self.closed, within * PATIENCE)
            assert there and number in self.answers, f"no answer to {method}"
            answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def of(self, session, *methods):
        """Return the parameters of the events of a session that have one of these names."""
        with self.changed:
            return [parameters for whose, method, parameters in self.events if whose == session and method in methods]

    def receive(self):
        with contextlib.suppress(OSError, ValueError, struct.error):
            message = b""
            while (frame := self.frame()) is not None:
                final, kind, data = frame
                if kind not in (TEXT, CONTINUED):
                    continue
                message += data
                if final:
                    self.on_message(json.loads(message))
                    message = b""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def frame(self):
        head = self.stream.read(2)
        if len(head) < 2 or head[0] & 15 == CLOSE:
            return None
        length = head[1] & 127
        if length >= 126:
            length = struct.unpack("!H" if length == 126 else "!Q", self.stream.read(2 if length == 126 else 8))[0]
        return bool(head[0] & 0x80), head[0] & 15, self.stream.read(length)

    def on_message(self, message):
        with self.changed:
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append((message.get("sessionId"), message["method"], message.get("params", {})))
            self.changed.notify_all()
