# SPDX-License-Identifier: Apache-2.0
"""Histories of concurrent operations on a token, and whether one order in time explains them.

The state of a token is `unknown`, `active`, `disabled` or `revoked`.  Each operation takes effect
at one moment between its beginning and its end.  A change has two such moments, one at which
verifications see it and one from which it survives the daemon's death; one that was not answered
may have had either, both or none.  When the daemon is killed, what had not come to the second
moment is undone, and for a while the table that it lent goes on showing what it showed last; but
never yes once the next daemon has acknowledged a denial.

All ways in which it may have gone are followed at once, in the order of the recorded times."""
import collections
import itertools

LEASE = 5               # seconds that a dead daemon's table may answer
DEADLINE = 1            # seconds that one verification may take

# began, ended: CLOCK_MONOTONIC; ended None: never answered.  verb: create import revoke disable
# enable verify.  answer: the verdict.  by: `table` or `daemon`.  life: which daemon was asked, by its
# process number; 0: not known.
Operation = collections.namedtuple("Operation", "began ended token verb answer by life")
# The end of a daemon: killed, or stopped in good order.
End = collections.namedtuple("End", "at life killed")

# What a token may be: what verifications see, what is saved, what a dead daemon's table shows
# (None: nothing), and the marks of what of the pending operations has been.
World = collections.namedtuple("World", "seen saved ghost done")
SEEN, SAVED = "seen", "saved"

STATES = ("unknown", "active", "disabled", "revoked")
VERDICT = {"unknown": "NO unknown", "active": "OK", "disabled": "NO disabled",
           "revoked": "NO revoked"}


def outcome(verb, state):
    """(verdict, state afterwards) of a change."""
    if verb in ("create", "import"):
        return ("OK", "active") if state == "unknown" else ("ERR exists", state)
    if state == "unknown":
        return "NO unknown", state
    if verb == "revoke":
        return "OK", "revoked"
    if state == "revoked":
        return "NO revoked", state
    return "OK", {"disable": "disabled", "enable": "active"}[verb]


class Violation(Exception):
    pass


def check(operations, ends=()):
    """Raises Violation unless there is an explanation; returns how many operations it explains."""
    by_token = collections.defaultdict(list)
    for operation in operations:
        by_token[operation.token].append(operation)
    return sum(Course(sorted(found), sorted(ends)).follow() for found in by_token.values())


class Course:
    """Follow the operations of one token."""

    def __init__(self, operations, ends):
        self.ends = ends
        self.end_of = {end.life: end.at for end in ends}
        self.operations = [o for o in map(self.bounded, operations) if o is not None]
        self.pending = {}               # number -> operation
        self.worlds = {World("unknown", "unknown", None, frozenset())}
        self.killed = None              # when a daemon was, last
        self.past = collections.deque(maxlen=20)

    def bounded(self, operation):
        """Limit the operation to the life of its daemon: nothing happens in a daemon after its end."""
        last = self.end_of.get(operation.life)
        if operation.ended is None:
            known = last is not None and operation.began < last
            return operation if known and operation.verb != "verify" else None
        return operation if last is None else operation._replace(ended=min(operation.ended, last))

    def follow(self):
        events = [(o.began, 1, n) for n, o in enumerate(self.operations)]
        events += [(o.ended, 0, n) for n, o in enumerate(self.operations) if o.ended is not None]
        events += [(end.at, 2, n) for n, end in enumerate(self.ends)]
        step = (self.finish, self.begin, self.end)
        for _, kind, number in sorted(events):
            step[kind](number)
        return len(self.operations)

    def begin(self, number):
        operation = self.pending[number] = self.operations[number]
        self.past.append(operation)
        if operation.verb == "verify":
            self.worlds = {self.read(world) for world in self.worlds}

    def read(self, world):
        """Mark at once the verifications that this state explains, as they change nothing."""
        marks = {(SEEN, n) for n, o in self.pending.items()
                 if o.verb == "verify" and self.explains(world, o)}
        return world._replace(done=world.done | marks)

    def explains(self, world, operation):
        if operation.answer == VERDICT[world.seen]:
            return True
        return (world.ghost is not None and operation.by == "table" and
                operation.began <= self.killed + LEASE + DEADLINE and
                operation.answer == VERDICT[world.ghost])

    def spread(self):
        """Add every way in which the pending changes may take effect now."""
        fresh = list(self.worlds)
        while fresh:
            world = fresh.pop()
            for number, what in itertools.product(self.pending, (SEEN, SAVED)):
                after = self.changed(world, number, what)
                if after is not None and after not in self.worlds:
                    self.worlds.add(after)
                    fresh.append(after)

    def changed(self, world, number, what):
        operation = self.pending[number]
        if operation.verb == "verify" or (what, number) in world.done:
            return None
        verdict, state = outcome(operation.verb, getattr(world, what))
        if operation.answer not in (None, verdict):
            return None
        done = world.done | {(what, number)}
        return self.read(world._replace(done=done, **{what: state}))

    def finish(self, number):
        if number not in self.pending:
            return
        marks = {(SEEN, number)}
        if self.operations[number].verb != "verify":
            marks.add((SAVED, number))
        if not all(marks <= world.done for world in self.worlds):
            self.spread()
        self.worlds = {self.end_belief(world._replace(done=world.done - marks), number)
                       for world in self.worlds if marks <= world.done}
        self.demand(self.operations[number])
        del self.pending[number]

    def end_belief(self, world, number):
        """An acknowledged denial holds everywhere: no table may say yes to what begins later."""
        operation = self.operations[number]
        denied = operation.verb in ("disable", "revoke") and operation.answer == "OK"
        return world._replace(ghost=None) if denied and world.ghost == "active" else world

    def end(self, number):
        """Drop what this daemon was asked and did not answer: that will not happen any more."""
        end = self.ends[number]
        self.spread()
        gone = [n for n, o in self.pending.items() if o.verb != "verify" and o.life == end.life]
        for n in gone:
            del self.pending[n]
        self.killed = end.at if end.killed else self.killed
        lost = {(what, n) for n in gone for what in (SEEN, SAVED)}
        self.worlds = {self.read(World(world.saved, world.saved, world.seen if end.killed else None,
                                       world.done - lost)) for world in self.worlds}

    def demand(self, operation):
        if not self.worlds:
            raise Violation("no order of these operations explains the last one that ended, "
                            f"{operation}:\n" + "\n".join(f"    {o}" for o in self.past) +
                            "\n" + "\n".join(f"    {end}" for end in self.ends))
