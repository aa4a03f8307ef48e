# SPDX-License-Identifier: Apache-2.0
"""An agent of a fleet without a database: what it takes goes to a list of changes in memory, which several agents may
share, and comes back as a feed.  A test makes each step itself, or lets a thread make all."""
import contextlib
import os
import threading
import time

from client import Client, Closed, quote
from daemon import ROLES
from settings import PATIENCE
from waiting import eventually

FLEET = (*ROLES, "fleet")
SECOND = 10 ** 9
BATCH = 5000        # changes
CLAIMS = ("created", "activates", "expires", "subject", "scopes", "description", "replaces")
CHANGES = ("update", "enable", "end")
DENIALS = {"revoke": "revoked", "disable": "disabled"}


class Changes:
    """The history of a fleet: what a database would have committed, in its order."""

    def __init__(self, host="here"):
        self.host = host
        self.changes = []       # (place, event, digest, line of a batch)
        self.states = {}        # of digests
        self.claims = {}        # likewise
        self.lock = threading.Lock()

    def commit(self, event, digest, group="web", by="uid:0", **claims):
        """Add a change; return its place."""
        with self.lock:
            was = self.states.get(digest)
            if event == "create" and was is not None:
                raise FileExistsError(digest)
            state = {"revoke": "revoked", "disable": "disabled", "enable": "active"}.get(event, was or "active")
            self.states[digest] = state = "revoked" if was == "revoked" else state
            claims = self.merge(event, digest, claims)
            place = f"{len(self.changes) + 1}:{os.urandom(16).hex()}"
            self.changes.append((place, event, digest, line_of(event, digest, group, by, state, self.host, claims)))
            return place

    def merge(self, event, digest, claims):
        """Return all claims: of a change those that it does not name are as they were, and empty ones go."""
        if event not in DENIALS:
            had = self.claims.get(digest, {}) if event in CHANGES else {}
            if event == "end" and had.get("expires", "never") != "never":
                claims = {"expires": min(had["expires"], claims["expires"])}
            self.claims[digest] = {key: value for key, value in (had | claims).items() if value}
        return self.claims.get(digest, {})

    def newest(self):
        return self.changes[-1][0] if self.changes else "none"

    def after(self, place):
        """Return the changes behind a place."""
        places = [change[0] for change in self.changes]
        return self.changes[places.index(place) + 1 if place != "none" else 0:]

    def events(self):
        return [(event, digest[:20]) for _, event, digest, _ in self.changes]


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def line_of(event, digest, group, by, state, host, claims):
    """Return the line of a batch that brings a change."""
    if event == "delete":
        return f"drop digest={digest}"
    if event in DENIALS:
        return (f"deny digest={digest} group={group} state={DENIALS[event]} "
                f"{DENIALS[event]}={now_text()} by={by}")
    words = [f"put digest={digest}", f"group={group}", f"state={state}"]
    words += [f"{key}={quote(claims[key])}" for key in CLAIMS if key in claims]
    words += [f"{state}={now_text()}"] if state != "active" else []
    words += [f"origin={host}", f"by={by}"] + (["enables=yes"] if event == "enable" else [])
    return " ".join(words)


class Agent:
    """A connection of role fleet to a daemon.

    keeps       seconds of the lease that it grants at once
    takes       it takes what goes up, of which there is nothing yet
    """

    def __init__(self, daemon, changes=None, keeps=600, takes=True):
        self.changes = changes or Changes()
        self.path = daemon.path("fleet")
        self.client = Client(self.path)
        self.thread = None
        self.taken = []         # requests by the thread
        self.fault = None
        self.catch_up()
        if keeps:
            self.lease(keeps)
        if takes:
            assert self.take("0s") == []        # from now on the host knows who takes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Go, as if killed."""
        with contextlib.suppress(OSError):
            self.client.sock.shutdown(2)
        if self.thread is not None:
            self.thread.join(20 * PATIENCE)
            assert not self.thread.is_alive() and self.fault is None, self.fault
            self.thread = None
        self.client.close()

    def done(self, line):
        reply = self.client.request(line)
        assert reply.verdict == "OK", f"{line}: {reply}"
        return reply

    # -- down -----------------------------------------------------------------------------------

    def lease(self, seconds):
        until = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + seconds * SECOND
        self.done(f"fleet lease until={until} keep={until}")

    def place(self):
        return self.done("fleet place")["place"]

    def catch_up(self):
        """Bring what the host lacks; the first time as a snapshot."""
        place = self.place()
        new = self.changes.after(place)
        if place == "none":
            self.snapshot(new)
        for first in range(0, 0 if place == "none" else len(new), BATCH):
            self.bring(f"fleet begin place={self.place()}", new[first:first + BATCH])

    def bring(self, begin, new):
        lines = [begin, *(line for _, _, _, line in new), f"fleet end place={new[-1][0]}"]
        for line, reply in zip(lines, self.client.pipeline(lines)):
            assert reply.verdict == "OK", f"{line}: {reply}"

    def snapshot(self, new):
        """Begin with a place: without one there is no lease."""
        if not new:
            self.changes.commit("create", os.urandom(32).hex(), group="other", created=now_text())
            new = self.changes.after("none")
        lines = {}
        for _, event, digest, line in new:
            lines[digest] = None if event == "delete" else line
        self.bring("fleet begin snapshot=yes",
                   [(new[-1][0], None, None, lines[digest]) for digest in sorted(lines) if lines[digest]])

    # -- up -------------------------------------------------------------------------------------

    def take(self, wait=None):
        """Return the requests of one answer; wait for one unless told how long."""
        line = "fleet take" + (f" wait={wait}" if wait is not None else "")
        reply = eventually(lambda: other_than_busy(self.client.request(line)), "the last agent's connection has ended")
        assert reply.verdict == "OK", f"{line}: {reply}"
        return reply.lines

    def take_one(self):
        requests = self.take()
        assert len(requests) == 1, requests
        return requests[0]

    def commit(self, request):
        """Do what a request asks for, as the database would; return the place."""
        claims = {key: request[key] for key in CLAIMS if key in request}
        return self.changes.commit(request["event"], request["digest"], request["group"], request["by"], **claims)

    def answer(self, request, place, **counts):
        return self.client.request(f"fleet done request={request['request']} place={place}" +
                                   "".join(f" {key}={value}" for key, value in counts.items()))

    def fail(self, request, code, message="the database says so"):
        return self.client.request(
            f"fleet failed request={request['request']} code={code} message={quote(message)}")

    def carry_out(self, requests):
        """Commit requests and answer all."""
        lines = [f"fleet done request={request['request']} place={self.commit(request)}" for request in requests]
        for reply in self.client.pipeline(lines):
            assert reply.verdict == "OK", reply

    # -- by itself -----------------------------------------------------------------------------

    def start(self, feeds=True):
        """Take, commit, answer and bring back in a thread, until close()."""
        self.thread = threading.Thread(target=self.serve, args=(feeds,), daemon=True)
        self.thread.start()
        return self

    def serve(self, feeds):
        try:
            while True:
                requests = self.take()
                self.taken += requests
                self.carry_out(requests)
                if feeds:
                    self.catch_up()
        except (Closed, OSError):
            pass
        except Exception as fault:      # the test shall see it
            self.fault = fault


def other_than_busy(reply):
    return None if reply.verdict == "ERR busy" else reply


def asked(host, line, role="admin"):
    """Send a request on a connection of its own, and do not wait for the answer."""
    client = host.client(role)
    client.send(line)
    return client


def create(host, agent, **claims):
    """Create a token of the fleet, one step after the other; return the reply."""
    line = "create group=web" + "".join(f" {key}={value}" for key, value in claims.items())
    client = asked(host, line)
    agent.carry_out([agent.take_one()])
    reply = client.reply()
    assert reply.verdict == "OK", reply
    return reply


def stat(host, name):
    return int(host.stats()[name])
