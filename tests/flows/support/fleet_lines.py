# SPDX-License-Identifier: Apache-2.0
"""Lines of the role fleet, at random: good, repeated, out of order, too large, and wrong in every way; and what becomes
of each by the model (fleet_model.py)."""
from client import quote
from fleet_feed import boottime
from value import BASE62, RANDOM, check_of, digest_of

DATES = tuple(f"2020-0{month}-03T04:05:06Z" for month in range(1, 6))
FAR = "2090-01-01T00:00:00Z"
GROUPS = ("web", "mail", "a.b_c-d")
NONCE = "0123456789abcdef" * 2

# Claims and what makes them wrong; `None`: the key is missing.
WRONG = [
    ("put", {"digest": "00"}, "ERR bad-value"), ("put", {"digest": "g" * 64}, "ERR bad-value"),
    ("put", {"digest": None}, "ERR missing"), ("put", {"group": None}, "ERR missing"),
    ("put", {"created": None}, "ERR missing"), ("put", {"group": "../x"}, "ERR bad-value"),
    ("put", {"group": "g" * 65}, "ERR bad-value"), ("put", {"created": "2026-02-30T00:00:00Z"}, "ERR bad-value"),
    ("put", {"created": "never"}, "ERR bad-value"), ("put", {"state": "unknown"}, "ERR bad-value"),
    ("put", {"expires": DATES[0], "activates": DATES[1]}, "ERR bad-value"), ("put", {"by": "uid:-1"}, "ERR bad-value"),
    ("put", {"replaces": "0123"}, "ERR bad-value"), ("put", {"origin": "-h"}, "ERR bad-value"),
    ("put", {"subject": "s" * 257}, "ERR bad-value"), ("put", {"description": '"\\xff"'}, "ERR bad-value"),
    ("put", {"scopes": "a,,b"}, "ERR bad-value"), ("put", {"colour": "red"}, "ERR unknown-key"),
    ("put", {"place": "none"}, "ERR unknown-key"), ("put", {"enables": "perhaps"}, "ERR bad-value"),
    ("put", {"revoked": "1970-01-01T00:00:00Z"}, "ERR bad-value"), ("deny", {"state": "active", "revoked": None, "disabled": None}, "ERR bad-value"),
    ("deny", {"group": None}, "ERR missing"), ("deny", {"subject": "ann"}, "ERR unknown-key"),
    ("deny", {"disabled": "yesterday"}, "ERR bad-value"), ("drop", {"digest": "xyz"}, "ERR bad-value"),
    ("drop", {"group": "web"}, "ERR unknown-key"), ("drop", {"digest": None}, "ERR missing"),
]
# Lines that are none at all, whatever was begun.
GARBLED = [
    ("put digest={0} digest={0} group=web created=" + DATES[0], "ERR duplicate-key"),
    ("deny digest={0} group=web state=revoked description=\"", "ERR syntax"),
    ("deny digest={0} group=web state=\"revoked\"x", "ERR syntax"),
    ("denny digest={0} group=web state=revoked", "ERR unknown-verb"),
    ("put digest={0} group=web created=" + DATES[0] + " description=" + "x" * 8192, "ERR too-long"),
    ("drop {0}", "ERR syntax"),
]
# Words of `fleet` that are refused in any state, and change nothing.
REFUSED = [
    ("fleet", "ERR missing"), ("fleet dance", "ERR bad-value"), ("fleet begin snapshot=perhaps", "ERR bad-value"),
    ("fleet begin place=1:0", "ERR bad-value"), (f"fleet begin place=0:{NONCE}", "ERR bad-value"),
    ("fleet end place=none:", "ERR bad-value"), (f"fleet end place={2**63}:{NONCE}", "ERR bad-value"),
    ("fleet rewind", "ERR missing"), ("fleet lease", "ERR missing"), ("fleet lease until=soon", "ERR bad-value"),
    (f"fleet lease until={2**63}", "ERR bad-value"), ("fleet lease until=1 keep=0", "ERR bad-value"),
    ("fleet places limit=x", "ERR bad-value"), ("fleet touched after=9.1", "ERR bad-value"),
    ("fleet take wait=soon", "ERR bad-value"), ("fleet done request=1", "ERR missing"),
    ("fleet done request=x place=none", "ERR bad-value"), ("fleet done request=1 place=none", "ERR bad-value"),
    ("fleet failed code=denied", "ERR missing"), ("fleet failed request=-1 code=denied", "ERR bad-value"),
    ("fleet abort place=none", "ERR unknown-key"), ("create group=web", "ERR forbidden"), ("list", "ERR forbidden"),
]


def line_of(verb, claims):
    return " ".join([verb, *(f"{key}={value}" for key, value in claims.items() if value is not None)])


class Lines:
    """Makes lines for two sessions, and says which verdict each must get."""

    def __init__(self, random, model, digests):
        self.random, self.model, self.digests = random, model, digests
        self.past = []      # places that were named once
        self.quiet = set()  # sessions whose changes are not answered

    # -- changes --------------------------------------------------------------------------------

    def some(self, claims, chance, key, *values):
        if self.random.random() < chance:
            claims[key] = self.random.choice(values)

    def put_claims(self, digest):
        claims = {"digest": digest, "group": self.random.choice(GROUPS), "created": self.random.choice(DATES)}
        self.some(claims, 0.3, "state", "active", "disabled", "revoked")
        self.some(claims, 0.1, "revoked", *DATES)
        self.some(claims, 0.1, "disabled", *DATES)
        self.some(claims, 0.1, "activates", FAR)
        self.some(claims, 0.3, "expires", "never", "2099-01-01T00:00:00Z")
        self.some(claims, 0.3, "subject", "ann", "bob", "s" * 256)
        self.some(claims, 0.3, "scopes", "a", "a,b", "c")
        self.some(claims, 0.2, "description", "x", "d" * 1024)
        self.some(claims, 0.2, "replaces", *(one[:20] for one in self.digests))
        self.some(claims, 0.2, "origin", "h1", "h2")
        self.some(claims, 0.2, "by", "uid:0", "uid:4294967294")
        self.some(claims, 0.3, "enables", "yes", "no")
        return claims

    def claims(self, verb, digest):
        if verb == "put":
            return self.put_claims(digest)
        claims = {"digest": digest}
        if verb == "deny":
            claims |= {"group": self.random.choice(GROUPS), "state": self.random.choice(("revoked", "disabled", "disabled"))}
            self.some(claims, 0.2, "revoked", *DATES)
            self.some(claims, 0.2, "disabled", *DATES)
            self.some(claims, 0.2, "origin", "h1")
        return claims

    def change(self, session):
        delivery = self.model.own(session)
        verb = self.random.choice(("put", "put", "put", "deny", "drop"))
        digests = self.digests
        if delivery and delivery.snapshot and self.random.random() < 0.97:
            verb, digests = "put", [one for one in self.digests if one > delivery.last][:3]
            if not digests:
                return self.end(session)
        claims = self.claims(verb, self.random.choice(digests))
        return line_of(verb, claims), self.model.change(session, verb, claims["digest"], claims)

    def wrong_change(self, session):
        digest = self.random.choice(self.digests)
        if self.random.random() < 0.3:
            line, verdict = self.random.choice(GARBLED)
            return line.format(digest), self.model.spoil(session, verdict)
        verb, wrong, verdict = self.random.choice(WRONG)
        early = verdict == "ERR unknown-key" or wrong.get("digest", digest) is None
        if self.model.own(session) is None and not early:
            verdict = "ERR no-batch"
        return line_of(verb, self.claims(verb, digest) | wrong), self.model.spoil(session, verdict)

    # -- words ------------------------------------------------------------------------------------

    def new_place(self):
        """Mostly the next one; or one that goes back, or has a serial that was used."""
        here = int(self.model.place().split(":")[0]) if self.model.places else 0
        serial = self.random.choice((here + 1, here + 1, here + 1, here + 7, max(1, here), max(1, here - 2)))
        self.past.append(f"{serial}:{self.random.randbytes(16).hex()}")
        return self.past[-1]

    def old_place(self):
        return self.random.choice([*self.past[-20:], *self.model.places, f"1:{NONCE}"])

    def begin(self, session):
        quiet = self.random.random() < 0.4
        (self.quiet.add if quiet else self.quiet.discard)(session)
        ending = " confirm=end" if quiet else ""
        if self.random.random() < 0.3:
            return f"fleet begin snapshot=yes{ending}", self.model.begin(session, None, True)
        place = self.model.place() if self.random.random() < 0.8 else self.random.choice((None, "none", self.old_place()))
        return f"fleet begin{f' place={place}' if place else ''}{ending}", self.model.begin(session, place)

    def end(self, session):
        if self.random.random() < 0.3:
            return "fleet end more=yes", self.model.end(session, "none", True)
        place = self.new_place() if self.random.random() < 0.95 else self.random.choice(("none", self.old_place()))
        return f"fleet end place={place}", self.model.end(session, place)

    def abort(self, session):
        return "fleet abort", self.model.abort(session)

    def rewind(self, session):
        place = self.random.choice((self.old_place(), self.model.place()))
        return f"fleet rewind place={place}", self.model.rewind(place)

    def lease(self, session):
        on = self.random.random() < 0.8
        return f"fleet lease until={boottime(600) if on else 0}", self.model.grant(on)

    def refused(self, session):
        line, verdict = self.random.choice(REFUSED)
        words = line.split()
        if words[:2] == ["fleet", "begin"]:
            self.quiet.discard(session)
        if words[0] == "fleet" and verdict == "ERR bad-value":
            return line, verdict
        if verdict in ("ERR unknown-key", "ERR missing") and len(words) > 1:
            return line, verdict
        return line, self.model.spoil(session, verdict)

    def answer(self, session):
        """Answer a request; perhaps one that nobody offered, or not any more."""
        number = self.random.choice([*self.model.offered, *self.model.offered, 1, self.model.last, 2**62])
        code = self.random.choice(("done", "done", "unavailable", "not-confirmed", "denied", "unknown", "gibberish"))
        for_good = code in ("done", "denied", "unknown")
        line = f"fleet failed request={number} code={code} message={quote('it says ' + code)}"
        if code == "done":
            line = f"fleet done request={number} place={self.old_place()}"
        return line, self.model.settled(number, for_good)

    def any(self, session):
        """A line, with the verdict that it must get; None: no answer."""
        kinds = ((self.change, 12), (self.wrong_change, 0.25), (self.end, 1.2), (self.abort, 0.15), (self.begin, 0.3),
                 (self.rewind, 0.2), (self.refused, 0.5), (self.answer, 0.4))
        if self.model.own(session) is None:
            kinds = ((self.begin, 4), (self.change, 0.3), (self.wrong_change, 0.5), (self.end, 0.2), (self.abort, 0.2),
                     (self.rewind, 0.4), (self.refused, 1), (self.answer, 0.5))
        kind, = self.random.choices([one for one, _ in kinds], [weight for _, weight in kinds])
        line, verdict = kind(session)
        quiet = session in self.quiet and line.split()[0] in ("put", "deny", "drop")
        return line, None if quiet else verdict


def value_of(random):
    """A well-formed value, the same for the same random numbers."""
    head = "jtn_" + "".join(random.choices(BASE62, k=RANDOM))
    return head + check_of(head)


def tokens(random, count):
    """Return so many {digest: value}, in order."""
    return dict(sorted((digest_of(value).hex(), value) for value in (value_of(random) for _ in range(count))))
