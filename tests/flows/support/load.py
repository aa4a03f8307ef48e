# SPDX-License-Identifier: Apache-2.0
"""A load of changes whose every possible outcome is known, for tests that end the daemon.

Each Load is one connection that owns the tokens it made, so what happens to a token happens in
the order in which this connection asked for it."""
import collections
import random
import select

from client import Client, Closed

Token = collections.namedtuple("Token", "state description subject")
Asked = collections.namedtuple("Asked", "verb id description verdict after")

WINDOW = 16             # changes outstanding at once
VERBS = ("create",) * 4 + ("update", "disable", "enable", "revoke", "delete", "delete")


def outcome(verb, token, description):
    """Return (verdict, state of the token afterwards); the state is None if the token is gone."""
    if verb == "delete":
        return "OK", None
    if verb == "revoke":
        return "OK", token._replace(state="revoked")
    if token.state == "revoked":
        return "NO revoked", token
    if verb == "update":
        return "OK", token._replace(description=description)
    return "OK", token._replace(state={"disable": "disabled", "enable": "active"}[verb])


class Load:
    def __init__(self, path, name, tokens):
        self.name = name
        self.client = Client(path)
        self.acknowledged = {}          # id -> Token, or None once its deletion is acknowledged
        self.planned = dict(tokens)     # what will be when all that was asked is done
        self.flight = collections.deque()
        self.made = 0

    def fill(self):
        """Send more requests, up to the window."""
        lines = []
        while len(self.flight) < WINDOW:
            line, asked = self.next_change()
            lines.append(line)
            self.flight.append(asked)
        if lines:
            self.client.send(*lines)

    def next_change(self):
        self.made += 1
        description = f"{self.name}-{self.made}"
        verb = random.choice(VERBS) if self.planned else "create"
        if verb == "create":
            token = Token("active", description, self.name)
            line = f"create subject={self.name} scopes=a,b description={description}"
            return line, Asked(verb, None, description, "OK", token)
        ident = random.choice(list(self.planned)[-30:])
        verdict, after = outcome(verb, self.planned[ident], description)
        if after is None:
            del self.planned[ident]
        else:
            self.planned[ident] = after
        line = f"{verb} {ident}" + (f" description={description}" if verb == "update" else "")
        return line, Asked(verb, ident, description, verdict, after)

    def take_replies(self):
        while (reply := self.client.whole_reply()) is not None:
            asked = self.flight.popleft()
            assert reply.verdict == asked.verdict, f"{asked}: {reply}"
            ident = asked.id or reply["id"]
            if asked.verb == "create":
                self.planned[ident] = asked.after
            self.acknowledged[ident] = asked.after

    def receive(self):
        self.client.feed(self.client.sock.recv(1 << 18))
        self.take_replies()

    def drain(self):
        """Read, after the daemon's end, what it had sent before."""
        self.client.sock.setblocking(True)
        try:
            while True:
                data = self.client.sock.recv(1 << 18)
                if not data:
                    break
                self.client.feed(data)
        except ConnectionResetError:
            pass
        self.take_replies()
        self.client.close()

    def possible(self, ident, before):
        """Return the states that a token may be in, given the one before this load."""
        states = [self.acknowledged.get(ident, before)]
        states += [asked.after for asked in self.flight if asked.id == ident]
        return states

    def concerned(self):
        return set(self.acknowledged) | {asked.id for asked in self.flight if asked.id}

    def unanswered_creates(self):
        return {a.description: a.after for a in self.flight if a.verb == "create"}


def drive(loads, until):
    """Keep the loads busy until `until()` is true, or until the daemon is gone."""
    poll = select.poll()
    by_number = {}
    for load in loads:
        by_number[load.client.sock.fileno()] = load
        poll.register(load.client.sock, select.POLLIN)
    try:
        while not until():
            for load in loads:
                load.fill()
            for number, _ in poll.poll(2):
                by_number[number].receive()
    except (Closed, BrokenPipeError, ConnectionResetError):
        pass
