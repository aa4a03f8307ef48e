# SPDX-License-Identifier: Apache-2.0
"""What clients of several hosts of a fleet were told, and whether that may be.

Times are of one clock (CLOCK_MONOTONIC), `began` before a question was sent and `ended` after its answer came.  T is the lease, and
`bound` what clocks may differ in rate.  What must hold:

    a revocation that was acknowledged at A: no OK to a question that began after A + T + bound, on any host
    one that a host has answered in any way at A: none to a question there that began after A
    a creation that was acknowledged at A: no NO unknown to a question that began after A + T + bound; where it was asked for, after A
    no NO revoked to a question that ended before the first attempt to revoke began"""
import collections
import threading

# A question and its answer; kind: create, revoke, verify.  answer None: the connection ended first.
Told = collections.namedtuple("Told", "kind host token began ended answer")


class History:
    """Collects from several threads."""

    def __init__(self):
        self.told = []
        self.lock = threading.Lock()

    def add(self, *fields):
        with self.lock:
            self.told.append(Told(*fields))

    def count(self):
        return collections.Counter((one.kind, one.answer) for one in self.told)


class Facts:
    """What is known of one token from the answers to changes."""

    def __init__(self, told):
        self.created = {one.host: one.ended for one in told if one.kind == "create" and one.answer == "OK"}
        revoked = [one for one in told if one.kind == "revoke"]
        self.attempted = min((one.began for one in revoked), default=float("inf"))
        self.acknowledged = min((one.ended for one in revoked if one.answer == "OK"), default=float("inf"))
        self.answered = {}
        for one in revoked:
            if one.answer in ("OK", "ERR unavailable", "ERR not-confirmed"):
                self.answered[one.host] = min(one.ended, self.answered.get(one.host, float("inf")))

    @property
    def is_revoked(self):
        return self.acknowledged < float("inf")

    @property
    def is_untouched(self):
        return self.attempted == float("inf")

    def fault(self, one, lease, bound):
        """Return what is wrong with the answer to a verification, or None."""
        if one.answer == "OK":
            if one.began > self.acknowledged + lease + bound:
                return f"OK {one.began - self.acknowledged:.3f} s after its revocation was acknowledged"
            if one.began > self.answered.get(one.host, float("inf")):
                return "OK on the host that was asked to revoke it, and had answered"
        if one.answer == "NO unknown" and self.created:
            if one.began > min(self.created.values()) + lease + bound:
                return f"unknown {one.began - min(self.created.values()):.3f} s after its creation was acknowledged"
            if one.began > self.created.get(one.host, float("inf")):
                return "unknown on the host that has made it"
        if one.answer == "NO revoked" and one.ended < self.attempted:
            return "revoked before anybody tried to"
        return None


def facts(told):
    by_token = collections.defaultdict(list)
    for one in told:
        by_token[one.token].append(one)
    return {token: Facts(found) for token, found in by_token.items()}


def faults(told, lease, bound):
    """Return a line for each answer that may not be."""
    known = facts(told)
    found = ((one, known[one.token].fault(one, lease, bound)) for one in told if one.kind == "verify")
    return [f"{why}: {one}" for one, why in found if why]
