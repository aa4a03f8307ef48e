# SPDX-License-Identifier: Apache-2.0
"""What a host of a fleet must hold after lines of the role fleet: the rules alone, without files, tables or threads.

Times are texts, so that the earlier one is the smaller one; NOW is a date that the host chose itself."""
import copy

NOW = "now"
STATES = ("revoked", "disabled")


class Entry:
    """What the host knows of a digest of the fleet."""

    def __init__(self, claims):
        self.claims = {key: claims[key] for key in SHOWN if claims.get(key) not in (None, "", "never")}
        self.claims.setdefault("created", NOW)
        self.claims.setdefault("by", "uid:65534")
        dates = {state: claims.get(state) or (NOW if claims.get("state") == state else None) for state in STATES}
        self.revoked, self.disabled = dates["revoked"], dates["disabled"]
        self.enables = claims.get("enables") == "yes"
        self.deleted = False        # what is no longer the fleet's, and may not come back

    def is_denied(self):
        return self.revoked is not None or self.disabled is not None

    def state(self):
        if self.is_denied():
            return "revoked" if self.revoked else "disabled"
        return "pending" if "activates" in self.claims else "active"

    def shown(self):
        return self.claims | {name: date for name in STATES if (date := getattr(self, name))} | {"state": self.state()}


SHOWN = ("group", "created", "activates", "expires", "subject", "scopes", "description", "replaces", "origin", "by")


def earliest(*dates):
    return min((date for date in dates if date is not None), default=None)


def merged(comes, had, deleted):
    """What becomes of an entry when another one comes: what is denied stays so."""
    entry = copy.deepcopy(comes)
    entry.revoked = earliest(had.revoked, comes.revoked)
    if not comes.enables:
        entry.disabled = earliest(had.disabled, comes.disabled)
    entry.deleted = comes.deleted or deleted
    return entry


def denied(had, comes, drops=False):
    """What becomes of an entry when a denial comes: its dates stay."""
    entry = copy.deepcopy(had)
    entry.revoked, entry.disabled = had.revoked or comes.revoked, had.disabled or comes.disabled
    entry.deleted |= drops
    return entry


class Delivery:
    def __init__(self, session, snapshot, place):
        self.session, self.snapshot, self.place = session, snapshot, place
        self.changes = []       # (verb, digest, claims)
        self.fault = None       # the verdict on its first bad line
        self.last = ""          # digest of a snapshot


class Host:
    """A host, and the digests of tokens that are its own alone."""

    def __init__(self, local):
        self.local = set(local)
        self.entries = {}       # by digest
        self.places = []        # the newest last
        self.rewinds = 0
        self.unsent = set()     # (event, digest) of denials made here
        self.offered = {}       # the same, by number
        self.withdrawn = {}     # what was offered to a session that is gone
        self.last = 0           # number that was offered
        self.lease = False
        self.delivery = None
        self.parts = None       # of a snapshot whose first part is in force
        self.doubtful = set()   # denied by a snapshot that was given up: perhaps until a restart

    def place(self):
        return self.places[-1] if self.places else "none"

    # -- lines of a session: each returns the verdict ------------------------------------------

    def begin(self, session, place, snapshot=False):
        if self.delivery and self.delivery.session == session:
            return "ERR busy"
        if not snapshot and place is None:
            return "ERR missing"
        if not snapshot and place != self.place():
            return "ERR place"
        if self.delivery:
            return "ERR busy"
        self.delivery = Delivery(session, snapshot, place)
        return "OK"

    def own(self, session):
        return self.delivery if self.delivery and self.delivery.session == session else None

    def spoil(self, session, verdict):
        """A line of a delivery was refused."""
        if delivery := self.own(session):
            delivery.fault = delivery.fault or verdict
        return verdict

    def change(self, session, verb, digest, claims):
        """A change without fault."""
        delivery = self.own(session)
        if delivery is None:
            return "ERR no-batch"
        if delivery.snapshot and (verb != "put" or digest <= delivery.last):
            return self.spoil(session, "ERR bad-value")
        delivery.last = digest
        if len(delivery.changes) == 5001:
            return self.spoil(session, "ERR too-large")
        delivery.changes.append((verb, digest, claims))
        return "OK"

    def abort(self, session):
        if self.own(session) is None:
            return "ERR no-batch"
        self.give_up()
        return "OK"

    def give_up(self):
        """What came of a snapshot is taken back, but for its denials."""
        self.delivery = None
        for digest, entry in (self.parts or {}).items():
            if entry.is_denied():
                self.doubtful.add(digest)
        self.parts = None

    def end(self, session, place, more=False):
        delivery = self.own(session)
        if delivery is None:
            return "ERR no-batch"
        if (more and not delivery.snapshot) or (not more and place == "none"):
            delivery.fault = "ERR bad-value"
        elif not delivery.fault and not delivery.snapshot and delivery.place != self.place():
            delivery.fault = "ERR place"
        if delivery.fault:
            self.give_up()
            return delivery.fault
        if delivery.snapshot:
            self.take_part(delivery)
            if more:
                delivery.changes = []
                return "OK"
            self.complete(place)
        else:
            for verb, digest, claims in delivery.changes:
                self.apply(verb, digest, claims)
            serial = int(place.split(":")[0])
            self.places = [p for p in self.places if int(p.split(":")[0]) < serial] + [place]
        self.delivery = None
        return "OK"

    def rewind(self, place):
        if self.parts is not None:
            return "ERR busy"
        if place not in self.places:
            return "NO unknown"
        self.places = self.places[:self.places.index(place) + 1]
        self.rewinds += 1
        return "OK"

    def grant(self, on):
        """A lease of good length, or its end."""
        if on and self.parts is not None:
            return "ERR busy" if self.places else "ERR place"
        if on and not self.places:
            return "ERR place"
        self.lease = on
        return "OK"

    # -- what changes do -------------------------------------------------------------------------

    def refuses(self, digest, entry, verb):
        """True for a token of this host alone, of which only a denial is taken over."""
        return digest in self.local and not entry.is_denied() and verb != "drop"

    def entry_of(self, digest, claims):
        """What comes; it does not enable what was disabled here, while the database does not know that."""
        entry = Entry(claims)
        entry.enables = entry.enables and ("disable", digest) not in self.unsent
        return entry

    def apply(self, verb, digest, claims):
        comes, had = self.entry_of(digest, claims), self.entries.get(digest)
        if self.refuses(digest, comes, verb):
            return
        if verb == "put":
            self.entries[digest] = merged(comes, had, had.deleted) if had else comes
        elif had:
            self.entries[digest] = denied(had, comes, verb == "drop")
        elif verb == "deny":
            self.entries[digest] = comes

    def take_part(self, delivery):
        self.parts = self.parts if self.parts is not None else {}
        for _, digest, claims in delivery.changes:
            comes, had = self.entry_of(digest, claims), self.entries.get(digest)
            if not self.refuses(digest, comes, "put"):
                self.parts[digest] = merged(comes, had, False) if had else comes

    def complete(self, place):
        """What the snapshot has not is no longer here, but what was denied stays so."""
        for digest, had in self.entries.items():
            if digest not in self.parts and had.is_denied():
                self.parts[digest] = denied(had, had, True)
        self.entries, self.parts, self.places = self.parts, None, [place]

    # -- what is asked for on the host -------------------------------------------------------------

    def deny_here(self, event, digest):
        """A denial of a token that is there, by an administrator."""
        state = {"revoke": "revoked", "disable": "disabled"}[event]
        for entries in self.entries, self.parts or {}:
            if digest in entries:
                setattr(entries[digest], state, getattr(entries[digest], state) or NOW)
        self.unsent.add((event, digest))

    def may_deny_here(self, event, digest):
        entry = self.entries.get(digest)
        return entry is not None and not entry.deleted and digest not in self.local and \
            not (event == "disable" and entry.revoked)

    def offer(self, number, event, digest):
        """Check what a session takes: each once, under a number of its own."""
        assert (event, digest) in self.unsent and (event, digest) not in self.offered.values(), (event, digest)
        if number in self.withdrawn:
            assert self.withdrawn.pop(number) == (event, digest), number
        else:
            assert number > self.last, f"number {number} is not above {self.last}"
        self.offered[number], self.last = (event, digest), max(self.last, number)

    def withdraw(self):
        """Whoever took is gone: the next one is offered the same, under the same numbers."""
        self.withdrawn |= self.offered
        self.offered = {}

    def settled(self, number, for_good=True):
        """A request was answered; for good, if it is not offered again."""
        if number not in self.offered:
            return "NO unknown"
        request = self.offered.pop(number)
        if for_good:
            self.unsent.discard(request)
        return "OK"

    # -- what is seen --------------------------------------------------------------------------------

    def restart(self):
        self.give_up()
        self.lease, self.rewinds, self.offered, self.withdrawn, self.doubtful = False, 0, {}, {}, set()

    def listed(self):
        """What is listed of the fleet's tokens, by digest."""
        return {digest: entry for digest, entry in self.entries.items() if not entry.deleted and digest not in self.local}

    def verdict(self, digest):
        if digest in self.local:
            entry = self.entries.get(digest)
            return f"NO {entry.state()}" if entry is not None and entry.is_denied() else "OK"
        entry = self.listed().get(digest)
        if entry is not None and entry.is_denied():
            return f"NO {entry.state()}"
        if not self.lease:
            return "ERR unavailable"
        if entry is None:
            return "NO unknown"
        return "OK" if entry.state() == "active" else f"NO {entry.state()}"
