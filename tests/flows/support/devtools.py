# SPDX-License-Identifier: Apache-2.0
"""The DevTools protocol of Chromium over its WebSocket (RFC 6455)."""
import base64
import itertools
import json
import os
import socket
import struct
import time

from settings import PATIENCE

TEXT, CLOSE, CONTINUED = 1, 8, 0


class Failed(Exception):
    """Chromium answered with an error."""


class DevTools:
    """A connection to a whole browser, at an address ws://HOST:PORT/PATH.

    What comes is read by whoever waits for something: .events has them as (session, method, parameters), and
    .contexts where scripts run in the newest document of a (session, frame)."""

    def __init__(self, address):
        where, _, path = address.removeprefix("ws://").partition("/")
        host, port = where.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), 60 * PATIENCE)
        self.sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {where}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        self.buffer = bytearray()
        while b"\r\n\r\n" not in self.buffer:
            assert self.read(60 * PATIENCE), "the browser does not answer"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.numbers = itertools.count(1)
        self.answers, self.events, self.contexts = {}, [], {}
        self.message = b""

    def close(self):
        self.sock.close()

    # -- questions -------------------------------------------------------------------------------

    def send(self, method, session=None, **parameters):
        """Ask for something, and do not wait; return the number for result()."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode()
        length = bytes([0x80 | len(data)]) if len(data) < 126 else (
            struct.pack("!BH", 0x80 | 126, len(data)) if len(data) < 65536 else struct.pack("!BQ", 0x80 | 127, len(data)))
        self.sock.settimeout(60 * PATIENCE)
        self.sock.sendall(bytes([0x80 | TEXT]) + length + bytes(4) + data)      # a mask of zeros changes nothing
        return number

    def result(self, number, what, within=30):
        self.until(lambda: number in self.answers, f"an answer to {what}", within)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{what}: {answer['error']}")
        return answer["result"]

    def call(self, method, session=None, within=30, **parameters):
        return self.result(self.send(method, session, **parameters), method, within)

    # -- what comes ------------------------------------------------------------------------------

    def of(self, session, *methods):
        """Return the parameters of the events of a session that have one of these names."""
        self.take_in()
        return [parameters for whose, method, parameters in self.events if whose == session and method in methods]

    def event(self, session, method, holds, since, within=30):
        """Wait for such an event whose parameters are as wanted, after so many others; return them."""
        def found():
            return next((parameters for whose, name, parameters in self.events[since:]
                         if (whose, name) == (session, method) and holds(parameters)), None)
        return self.until(found, f"an event {method}", within)

    def take_in(self):
        """Take in all that is there."""
        while self.receive(0):
            pass

    def until(self, holds, what, within):
        end = time.monotonic() + within * PATIENCE
        while not (value := holds()):
            assert self.receive(end - time.monotonic()), f"no {what.removeprefix('an ')} within {within} s"
        return value

    def receive(self, within):
        """Take in what comes next; return False if nothing does in that time."""
        if not self.read(within):
            return False
        while (frame := self.frame()) is not None:
            final, kind, data = frame
            if kind not in (TEXT, CONTINUED):
                continue
            self.message += data
            if final:
                self.on_message(json.loads(self.message))
                self.message = b""
        return True

    def read(self, within):
        self.sock.settimeout(max(within, 0))
        try:
            data = self.sock.recv(1 << 18)
        except (TimeoutError, BlockingIOError):
            return False
        if not data:
            raise Failed("the browser has ended")
        self.buffer += data
        return True

    def frame(self):
        """Return the first frame that is there, or None if it is not all there."""
        if len(self.buffer) < 2:
            return None
        length, begin = self.buffer[1] & 127, 2
        if length >= 126:
            form, size = ("!H", 2) if length == 126 else ("!Q", 8)
            if len(self.buffer) < 2 + size:
                return None
            begin = 2 + size
            [length] = struct.unpack_from(form, self.buffer, 2)
        if len(self.buffer) < begin + length:
            return None
        first, data = self.buffer[0], bytes(self.buffer[begin:begin + length])
        del self.buffer[:begin + length]
        if first & 15 == CLOSE:
            raise Failed("the browser has hung up")
        return bool(first & 0x80), first & 15, data

    def on_message(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
            return
        session, method, parameters = message.get("sessionId"), message["method"], message.get("params", {})
        if method == "Runtime.executionContextCreated":
            context = parameters["context"]
            if context["auxData"]["isDefault"]:
                self.contexts[session, context["auxData"]["frameId"]] = context["uniqueId"]
        self.events.append((session, method, parameters))
