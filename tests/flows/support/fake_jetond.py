# SPDX-License-Identifier: Apache-2.0
"""The fleet's side of jetond, as proto/PROTOCOL.md has it, in memory: for tests of the agent alone.

It is strict: a line that no agent should send is a fault, and faults fail the test.  `offer()` gives the agent a
change that goes up; what became of it is in `answered`."""
import contextlib
import os
import re
import socket
import threading
import time

HEX = re.compile(r"[0-9a-f]{64}")
PLACE = re.compile(r"[1-9][0-9]{0,18}:[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
NUMBER = re.compile(r"\d{1,19}")
STATES = {"active", "disabled", "revoked"}
CHECKS = {
    "digest": HEX.fullmatch, "group": NAME.fullmatch, "origin": NAME.fullmatch, "state": STATES.__contains__,
    "created": TIME.fullmatch, "activates": TIME.fullmatch, "revoked": TIME.fullmatch, "disabled": TIME.fullmatch,
    "expires": lambda v: v == "never" or TIME.fullmatch(v), "enables": "yes".__eq__, "snapshot": "yes".__eq__, "confirm": "end".__eq__, "more": "yes".__eq__,
    "by": re.compile(r"uid:\d{1,10}").fullmatch, "replaces": re.compile(r"[0-9a-f]{20}").fullmatch,
    "place": lambda v: v == "none" or PLACE.fullmatch(v), "subject": lambda v: len(v.encode()) <= 256,
    "scopes": lambda v: len(v) <= 2080, "description": lambda v: len(v.encode()) <= 1024,
    "after": lambda v: len(v) <= 100, **dict.fromkeys(("until", "keep", "limit", "count", "request", "seen", "hosts"), NUMBER.fullmatch), "wait": re.compile(r"\d+[smh]").fullmatch,
    "code": {"unavailable", "denied", "exists", "unknown", "bad-value", "not-confirmed"}.__contains__, "message": lambda v: len(v) <= 1000,
}
KEYS = {
    "fleet place": ((), ()), "fleet places": ((), ("after", "limit")), "fleet rewind": (("place",), ()),
    "fleet lease": ((), ("until", "keep")), "fleet begin": ((), ("place", "snapshot", "confirm", "count")), "fleet end": (("place",), ("more",)),
    "fleet abort": ((), ()), "fleet take": ((), ("wait",)), "fleet done": (("request", "place"), ("seen", "hosts")),
    "fleet failed": (("request", "code", "message"), ()), "fleet touched": ((), ("after", "limit")),
    "put": (("digest", "group", "created"), ("state", "activates", "expires", "revoked", "disabled", "subject", "scopes", "description",
                                             "replaces", "origin", "by", "enables")),
    "deny": (("digest", "group", "state"), ("revoked", "disabled", "origin", "by")), "drop": (("digest",), ()),
}
RANK = {"active": 0, "disabled": 1, "revoked": 2}
BATCH_MAX = 5001
WORD = re.compile(r'(?:[a-z_]+=)?(?:"(?:[^"\\]|\\.)*"|[^ "\\]+)')
ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(.))')


def unescape(match):
    return chr(int(match[1], 16)) if match[1] else {"n": "\n", "t": "\t", "r": "\r"}.get(match[2], match[2])


class Fault(Exception):
    """The agent has sent what it should not."""


def parse(line):
    """Return (verb, {key: value}) of a request."""
    if len(line) > 8192 or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line):
        raise Fault("a line that is too long, or has control bytes")
    words = WORD.findall(line)
    if " ".join(words) != line:
        raise Fault(f"words that are none: {line!r}")
    verb, words = (f"fleet {words[1]}", words[2:]) if words[0] == "fleet" else (words[0], words[1:])
    if verb not in KEYS:
        raise Fault(f"no such verb: {verb}")
    (needed, possible), values = KEYS[verb], {}
    for word in words:
        key, equals, value = word.partition("=")
        if value.startswith('"'):
            value = ESCAPE.sub(unescape, value[1:-1])
        if not equals or key in values or key not in needed + possible or not CHECKS[key](value):
            raise Fault(f"{verb}: {word!r}")
        values[key] = value
    if any(key not in values for key in needed):
        raise Fault(f"{verb} without one of {needed}")
    return verb, values


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FakeJetond:
    """Listens on `path`.  State outlives connections, as jetond's does a restart of the agent; not `restart()`, which forgets the lease."""
    def __init__(self, path):
        self.path = path
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.places = []            # oldest first
        self.tokens = {}            # digest: its last claims
        self.banned = {}            # digest: the denial, whatever comes later
        self.until = self.keep = 0  # nanoseconds of CLOCK_BOOTTIME
        self.leases = []            # (when it came, until, keep)
        self.batches = []           # (from, to, snapshot, changes)
        self.faults, self.touched = [], []      # the last: (digest, used)
        self.requests = {}          # number: the line, until it is answered
        self.answered = {}          # number: ("done" or "failed", values)
        self.number = self.rewinds = self.sessions = self.believed_until = 0    # the last is time.monotonic()
        self.busy = 0               # so many leases are refused: a snapshot is being taken back
        self.refuse_end = None      # "ERR store …": instead of saving
        self.delay = 0.0            # before each answer to `end`
        self.meanwhile = b""        # lines that came in that time
        self.part = None            # digests of the snapshot so far
        self.open, self.holder, self.listener = set(), None, None   # holder: who has a batch

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, kind, *_):
        self.close()
        assert kind or not self.faults, self.faults

    def listen(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(16)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        self.listener.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with self.lock:
            self.changed.notify_all()

    def restart(self):
        """As jetond does: what is saved stays, the lease and the batch do not."""
        self.close()
        with self.lock:
            self.until, self.keep, self.part, self.holder = 0, 0, None, None
        self.listen()

    @property
    def place(self):
        return self.places[-1] if self.places else "none"

    @property
    def serial(self):
        return int(self.place.partition(":")[0]) if self.places else 0

    def lease(self):
        """Seconds that are left."""
        return max(0.0, self.until / 1e9 - boottime())

    def offer(self, line):
        with self.lock:
            self.number += 1
            self.requests[self.number] = f"* request={self.number} {line}\n"
            self.changed.notify_all()
            return self.number

    def offer_all(self, lines):
        with self.lock:
            return [self.offer(line) for line in lines]

    def state(self, digest):
        """What this host answers for a token: a state, or None for an unknown one."""
        with self.lock:
            claims, ban = self.tokens.get(digest), self.banned.get(digest)
            states = [entry["state"] for entry in (claims, ban) if entry]
            return max(states, key=RANK.get) if states else None

    # -- connections ----------------------------------------------------------------------------

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        session = Session(self, connection)
        with self.lock:
            self.sessions += 1
        try:
            session.run()
        except OSError:
            pass
        except Fault as fault:
            self.faults.append(str(fault))
        finally:
            with self.lock:
                self.open.discard(connection)
                if self.holder is session:
                    self.holder = self.part = None
            connection.close()


class Session:
    """One connection of the agent's."""

    def __init__(self, fake, connection):
        self.fake, self.connection = fake, connection
        self.buffer = b""
        self.begun = None           # (from, snapshot), within a batch
        self.changes = []
        self.broken = None          # why the batch cannot be applied
        self.quiet = False          # its changes are not answered
        self.offered = set()

    def line(self, wait=None):
        """Return the next line; None: the connection has ended; "": none has come within `wait` seconds."""
        self.connection.settimeout(wait)
        while b"\n" not in self.buffer:
            try:
                data = self.connection.recv(1 << 16)
            except TimeoutError:
                return ""
            if not data:
                return None
            self.buffer += data
            if len(self.buffer) > 1 << 26:
                raise Fault("the agent sends and sends")
        line, _, self.buffer = self.buffer.partition(b"\n")
        self.connection.settimeout(None)
        return line.decode("utf-8")

    def send(self, text):
        self.connection.sendall(text.encode())

    def run(self):
        while (line := self.line()) is not None:
            while line is not None:
                verb, values = parse(line)
                line = None
                if verb == "fleet take":
                    line = self.take(values)
                    if line is None:
                        return
                    line = line or None
                    continue
                with self.fake.lock:
                    answer = getattr(self, verb.replace("fleet ", "fleet_"))(values)
                self.send(answer)

    # -- words ------------------------------------------------------------------------------------

    def fleet_place(self, _):
        fake = self.fake
        left = [max(0, (end - int(boottime() * 1e9)) // 1000000) for end in (fake.until, fake.keep)]
        return (f"OK place={fake.place} lease={left[0]} keep={left[1]} tokens={len(fake.tokens)} rewinds={fake.rewinds} "
                f"waiting={len(fake.requests)} believed={max(0, int(1000 * (fake.believed_until - time.monotonic())))}\n")

    def fleet_places(self, values):
        after, limit = int(values.get("after", 1 << 63)), int(values.get("limit", 100000))
        found = [place for place in reversed(self.fake.places) if int(place.partition(":")[0]) < after][:limit]
        return "".join(f"* place={place}\n" for place in found) + f"OK count={len(found)}\n"

    def fleet_rewind(self, values):
        fake = self.fake
        if values["place"] not in fake.places:
            return 'NO unknown message="not among its places"\n'
        del fake.places[fake.places.index(values["place"]) + 1:]
        fake.rewinds += 1
        return f"OK place={fake.place}\n"

    def fleet_lease(self, values):
        fake = self.fake
        until = int(values.get("until", fake.until))
        keep = max(until, int(values.get("keep", until)))
        if until > (boottime() + 3600) * 1e9 or keep > (boottime() + 366 * 86400) * 1e9:
            return 'ERR bad-value message="too far"\n'
        if fake.busy:
            fake.busy -= 1
            return 'ERR busy message="a snapshot is taken back"\n'
        fake.until, fake.keep = until, keep
        fake.leases.append((boottime(), until, keep))
        return "OK\n"

    def fleet_begin(self, values):
        fake, snapshot, self.quiet = self.fake, "snapshot" in values, "confirm" in values
        if fake.holder not in (None, self) or self.begun:
            return 'ERR busy message="another batch is under way"\n'
        if not snapshot and values.get("place") != fake.place:
            return f'ERR place place={fake.place} message="another place"\n'
        fake.holder, self.begun, self.changes, self.broken = self, (fake.place, snapshot), [], None
        return "OK\n"

    def change(self, verb, values):
        if not self.begun and not self.quiet:
            return 'ERR no-batch message="no batch"\n'
        if len(self.changes) == BATCH_MAX:
            raise Fault("a batch that is too large")
        self.changes.append((verb, values))
        return "" if self.quiet else "OK\n"

    def put(self, values):
        return self.change("put", values)

    def deny(self, values):
        if values["state"] == "active":
            raise Fault("a denial that denies nothing")
        return self.change("deny", values)

    def drop(self, values):
        return self.change("drop", values)

    def fleet_abort(self, _):
        self.begun = self.fake.holder = self.fake.part = None
        return "OK\n"

    def fleet_end(self, values):
        fake = self.fake
        if not self.begun:
            return 'ERR no-batch message="no batch"\n'
        (begin, snapshot), more = self.begun, "more" in values
        changes, self.changes = self.changes, []
        if not more or fake.refuse_end:
            self.begun = fake.holder = None
            if fake.refuse_end:
                return fake.refuse_end + "\n"
        if values["place"] == "none" or (more and not snapshot):
            raise Fault(f"an end that is none: {values}")
        if fake.delay:
            fake.lock.release()
            time.sleep(fake.delay)
            with contextlib.suppress(BlockingIOError):
                fake.meanwhile = self.buffer + self.connection.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            fake.lock.acquire()
        if snapshot:
            self.take_part(changes, more)
        elif int(values["place"].partition(":")[0]) <= fake.serial:
            raise Fault(f"a place that goes back: {values}")
        for verb, claims in changes:
            self.apply(verb, claims)
        if not more:
            fake.places = [] if snapshot else fake.places
            fake.places.append(values["place"])
        fake.batches.append((begin, values["place"], snapshot, len(changes)))
        fake.changed.notify_all()
        return f"OK place={fake.place} changes={len(changes)}\n"

    def take_part(self, changes, more):
        fake = self.fake
        fake.part = fake.part or []
        for verb, claims in changes:
            if verb == "drop" or (fake.part and claims["digest"] <= fake.part[-1]):
                raise Fault("a snapshot that does not ascend")
            fake.part.append(claims["digest"])
        if not more:
            whole = set(fake.part)
            fake.tokens = {digest: claims for digest, claims in fake.tokens.items() if digest in whole}
            fake.part = None

    def apply(self, verb, claims):
        fake, digest = self.fake, claims["digest"]
        if verb == "drop":
            fake.tokens.pop(digest, None)
            return
        claims, ban = {"state": "active"} | claims, fake.banned.get(digest)
        if ban and ban["state"] == "disabled" and "enables" in claims:
            del fake.banned[digest]
        if claims["state"] != "active" and not (ban and RANK[ban["state"]] > RANK[claims["state"]]):
            fake.banned[digest] = claims
        if verb == "put":
            fake.tokens[digest] = claims

    def fleet_done(self, values):
        return self.answer("done", values)

    def fleet_failed(self, values):
        return self.answer("failed", values)

    def answer(self, what, values):
        number = int(values["request"])
        if self.fake.requests.pop(number, None) is None:
            return 'NO unknown message="no such request"\n'
        self.fake.answered[number] = (what, values)
        self.fake.changed.notify_all()
        return "OK\n"

    def fleet_touched(self, values):
        digests = sorted(self.fake.touched)
        after, limit = values.get("after", ""), int(values.get("limit", 100000))
        left = [entry for entry in digests if entry[0] > after]
        lines = "".join(f"* digest={digest} used={used}\n" for digest, used in left[:limit])
        more = f" next={left[limit - 1][0]}" if len(left) > limit else ""
        return f"{lines}OK count={min(limit, len(left))}{more}\n"

    def take(self, values):
        """Offer what there is, 100 lines at most; return the line that ended it, "" if none did, None at the end of the connection."""
        deadline = time.monotonic() + int(values.get("wait", "60s")[:-1])
        count = 0
        while True:
            with self.fake.lock:
                new = [number for number in sorted(self.fake.requests) if number not in self.offered][:100 - count]
                lines = "".join(self.fake.requests[number] for number in new)
            self.offered.update(new)
            count += len(new)
            self.send(lines)
            line = "" if count else self.line(wait=0.005)
            if line != "" or count or time.monotonic() > deadline:
                if line is not None:
                    self.send(f"OK count={count}\n")
                return line
