# SPDX-License-Identifier: Apache-2.0
"""Processes that change and verify the same few tokens, and write down what they saw.

Which tokens these are moves on with the time, for all processes alike; a token's value is known
before it is made, so that it is verified while it comes to be.  Only who creates a token knows it
afterwards alone, and asks for it at once."""
import json
import os
import random
import socket
import struct
import time
import traceback

from client import Client, Closed
from history import Operation
from library import Handle
from value import id_of, value_new

EACH = 0.3              # seconds until the next token is among the few
FEW = 3
AFTER_CREATE = ("verify", "verify", "disable", "verify", "revoke", "verify")
CHANGES = ("import", "import", "disable", "enable", "disable", "enable", "revoke")
PAUSE = 0.001           # seconds between two operations, at most: so many are enough


class Stage:
    """The time it takes, and the tokens in the order of their turn."""

    def __init__(self, seconds):
        self.began = time.monotonic()
        self.over = self.began + seconds
        self.values = [value_new() for _ in range(int(seconds / EACH) + FEW + 1)]

    def value(self):
        at = int((time.monotonic() - self.began) / EACH)
        return random.choice(self.values[at:at + FEW] or self.values[-FEW:])


class Asker:
    """Verify and change over a socket.  The answer is None where nobody answers."""

    def __init__(self, path):
        self.path = path
        self.client = None
        self.life = 0

    def connect(self):
        self.life = 0           # what reaches nobody does nothing
        self.client = Client(self.path)
        peer = self.client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.life = struct.unpack("3i", peer)[0]

    def ask(self, verb, value):
        what = {"verify": value, "import": f"token={value}"}.get(verb) or id_of(value)
        try:
            if self.client is None:
                self.connect()
            return self.client.request(f"{verb} {what}").verdict, "daemon", self.life
        except (Closed, OSError):
            self.client = None
            return None, "daemon", self.life


class Library:
    def __init__(self, path):
        self.handle = Handle(path)

    def ask(self, _, value):
        verdict, by = self.handle.verify(value)
        return (None if verdict == "ERR unavailable" else verdict), by, 0


class Creator(Asker):
    """Create tokens, whose values nobody knows before, and have another process verify each."""

    def __init__(self, path, verifier):
        super().__init__(path)
        self.verifier = verifier

    def create(self):
        """Return the value of a new token; None where nobody answers."""
        try:
            if self.client is None:
                self.connect()
            return self.client.request("create ttl=1h")["token"]
        except (Closed, OSError):
            self.client = None
            return None

    def ask(self, verb, value):
        return self.verifier.ask(verb, value) if verb == "verify" else super().ask(verb, value)


def note(output, began, value, verb, answer, by, life):
    ended = time.monotonic() if answer is not None else None
    json.dump(Operation(began, ended, value, verb, answer, by, life), output)
    output.write("\n")


def ask(asker, verb, value, output):
    began = time.monotonic()
    note(output, began, value, verb, *asker.ask(verb, value))
    time.sleep(random.uniform(0, PAUSE))


def watch(stage, asker, verbs, output):
    while time.monotonic() < stage.over:
        ask(asker, random.choice(verbs), stage.value(), output)


def create(stage, creator, verbs, output):
    while time.monotonic() < stage.over:
        began = time.monotonic()
        value = creator.create()
        if value is None:
            continue
        note(output, began, value, "create", "OK", "daemon", creator.life)
        for verb in verbs:
            ask(creator, verb, value, output)


def witness(stage, make, verbs, path):
    """Start a process that runs this; return its number."""
    child = os.fork()
    if child != 0:
        return child
    status = 1
    try:
        with open(path, "w") as output:
            asker = make()
            (create if isinstance(asker, Creator) else watch)(stage, asker, verbs, output)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def operations_of(path):
    """Return the operations that a witness wrote down."""
    with open(path) as file:
        return [Operation(*json.loads(line)) for line in file]
