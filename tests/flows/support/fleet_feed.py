# SPDX-License-Identifier: Apache-2.0
"""The agent's side of jetond's socket of the role fleet, without a database: what it brings, this makes up."""
import itertools
import secrets
import time

from value import digest_of, value_new
from waiting import eventually

ROLES = ("admin", "observe", "verify", "fleet")
CREATED = "2026-01-01T00:00:00Z"
LATER = "2026-02-02T00:00:00Z"
SECOND = 10**9


def boottime(seconds=0):
    """CLOCK_BOOTTIME so many seconds from now, in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + int(seconds * SECOND)


def hexadecimal(value):
    """The digest of a value, or what is one already."""
    return value if len(value) == 64 else digest_of(value).hex()


def put(value, group="web", created=CREATED, **more):
    """The line that honours a value; more are its other keys, whose values need no quotes."""
    return f"put digest={hexadecimal(value)} group={group} created={created}" + "".join(f" {k}={v}" for k, v in more.items())


def deny(value, state="revoked", group="web", **more):
    return f"deny digest={hexadecimal(value)} group={group} state={state}" + \
        "".join(f" {k}={v}" for k, v in more.items())


def drop(value):
    return f"drop digest={hexadecimal(value)}"


class Feed:
    """Brings what it is told to one jetond, in the order of serials."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.client = daemon.client("fleet")

    def ask(self, line):
        return self.client.request(line)

    def done(self, line):
        reply = self.ask(line)
        assert reply.verdict == "OK", f"{line}: {reply}"
        return reply

    def place(self):
        return self.done("fleet place")["place"]

    def next_place(self, after=None):
        after = after or self.place()
        return f"{1 if after == 'none' else int(after.split(':')[0]) + 1}:{secrets.token_hex(16)}"

    def deliver(self, *changes, place=None):
        """Bring these changes together; return the replies, the last of which is that of `fleet end`."""
        here = self.place()
        place = place or self.next_place(here)
        return self.client.pipeline([f"fleet begin place={here}", *changes, f"fleet end place={place}"])

    def bring(self, *changes, place=None):
        """Likewise, and all must be answered OK; return the place."""
        replies = self.deliver(*changes, place=place)
        for reply in replies:
            assert reply.verdict == "OK", replies
        return replies[-1]["place"]

    def snapshot(self, *changes, place=None, part=None):
        """Bring a snapshot of these, in parts of so many lines."""
        place = place or self.next_place()
        lines, changes = ["fleet begin snapshot=yes"], sorted(changes)
        while part and len(changes) > part:
            lines += changes[:part] + ["fleet end more=yes"]
            changes = changes[part:]
        replies = self.client.pipeline([*lines, *changes, f"fleet end place={place}"])
        for reply in replies:
            assert reply.verdict == "OK", replies
        return place

    def lease(self, seconds=60, keep=None):
        until = boottime(seconds)
        line = f"fleet lease until={until}" + (f" keep={boottime(keep)}" if keep else "")
        eventually(lambda: self.ask(line).verdict != "ERR busy", "what came of a snapshot is taken back")
        self.done(line)

    def again(self):
        """Connect again, as after a restart."""
        self.client.close()
        self.client = self.daemon.client("fleet")


def values(count):
    return list(itertools.islice(iter(value_new, None), count))


def fleet_daemon(daemon, *settings, **more):
    """A jetond in a fleet, and its feed."""
    d = daemon(*settings, roles=ROLES, **more)
    return d, Feed(d)
