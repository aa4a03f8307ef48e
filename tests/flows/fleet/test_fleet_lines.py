# SPDX-License-Identifier: Apache-2.0
"""Lines of the role fleet at random, by two sessions, while an administrator denies and the daemon is stopped and killed:
every verdict, and all that the host then has, are those of a model."""
import os
import random

import pytest

from campaign import rounds
from fleet_feed import boottime, fleet_daemon
from fleet_lines import Lines, tokens
from fleet_model import NOW, SHOWN, STATES, Host
from settings import scaled
from waiting import eventually

TOKENS, OWN = 20, 2     # that lines are about; and those of them that are the host's own
LINES = 40              # sent at once
STRETCHES = 12          # of lines, between two looks at everything; and ...
LOOKS = 5               # of them in a round


class Play:
    """A daemon beside its model."""

    def __init__(self, daemon, seed):
        self.random = random.Random(seed)
        self.d, feed = fleet_daemon(daemon)
        feed.client.close()
        self.value = tokens(self.random, TOKENS)
        self.digests = list(self.value)
        own = [self.import_own(digest) for digest in self.random.sample(self.digests, OWN)]
        self.model = Host(own)
        self.lines = Lines(self.random, self.model, self.digests)
        self.connect()

    def import_own(self, digest):
        self.d.done(f'import token="{self.value[digest]}"')
        return digest

    def connect(self):
        self.session = {name: self.d.client("fleet") for name in "ab"}
        self.admin, self.took = self.d.client(), False

    # -- what happens ----------------------------------------------------------------------------

    def say(self, session, count):
        """Send some lines at once; compare their verdicts."""
        if self.model.delivery is not None and not self.model.own(session):
            count = 2           # there is not much that it may do
        made = [self.lines.any(session) for _ in range(count)]
        self.session[session].send(*[line for line, _ in made])
        for line, verdict in made:
            print(f"{session}: {line[:400]}: {verdict}")
            reply = self.session[session].reply() if verdict else None
            assert verdict == (reply and reply.verdict), f"{session}: {line[:200]}: {reply}, and not {verdict}"

    def deny(self):
        """Deny tokens as an administrator does, whom nobody answers yet."""
        self.unsent()
        for digest in self.random.sample(self.digests, 3):
            event = self.random.choice(("revoke", "disable", "disable"))
            if not self.model.may_deny_here(event, digest):
                continue
            print(f"admin: {event} {digest}")
            self.admin.send(f"{event} {digest[:20]} wait=60s")
            self.model.deny_here(event, digest)
        self.unsent()

    def unsent(self):
        eventually(lambda: int(self.d.stats()["fleet_unsent"]) == len(self.model.unsent),
                   f"so many denials wait for the database: {len(self.model.unsent)}")

    def take(self):
        """Take what goes up, as the first session alone does."""
        reply = self.freed("a", "fleet take wait=0s")
        self.took = True
        for line in reply.lines:
            self.model.offer(int(line["request"]), line["event"], line["digest"])

    def lose(self, session):
        """Lose a connection, and connect again."""
        held, took = self.model.own(session), session == "a" and self.took
        self.session[session].close()
        if held:
            self.model.give_up()
        self.session[session] = self.d.client("fleet")
        self.lines.quiet.discard(session)
        if held:
            self.freed(session, "fleet begin snapshot=yes")
            self.session[session].request("fleet abort")
        if took:
            self.model.withdraw()
            self.took = False

    def freed(self, session, line):
        """What a connection held ends with it."""
        return eventually(lambda: (reply := self.session[session].request(line)).verdict != "ERR busy" and reply, "the right is free")

    def start_again(self):
        self.unsent()       # what was answered is settled a moment later
        for client in self.session.values():
            client.close()
        self.admin.close()
        while self.d.handles:       # else a killed daemon's table is believed for a while
            self.d.handles.popitem()[1].close()
        if self.random.random() < 0.5:
            self.d.restart()
        else:
            self.d.kill_unseen()
            self.d.start()
        self.model.restart()
        self.lines.quiet.clear()
        self.connect()

    # -- what is there -----------------------------------------------------------------------------

    def look(self):
        """Compare all that can be seen; first let both be at rest."""
        for session in "ab":
            if self.model.own(session):
                assert self.session[session].request("fleet abort").verdict == self.model.abort(session) == "OK"
        if self.model.places:
            eventually(lambda: self.session["a"].request(f"fleet lease until={boottime(600)}").verdict == "OK",
                       "what came of a snapshot is taken back")
            assert self.model.grant(True) == "OK"
        self.unsent()
        self.compare_list()
        self.compare_places()
        for digest, value in self.value.items():
            verdict, wanted = self.d.verify(value), self.model.verdict(digest)
            assert verdict == wanted or (digest in self.model.doubtful and verdict in ("NO revoked", "NO disabled")), \
                f"{digest}: {verdict}, and not {wanted}"

    def compare_places(self):
        reply = self.session["b"].request("fleet place")
        assert (reply["place"], int(reply["rewinds"])) == (self.model.place(), self.model.rewinds)
        assert int(reply["tokens"]) == len(self.model.listed())
        places = [line["place"] for line in self.session["b"].request("fleet places").lines]
        assert places == self.model.places[::-1]

    def compare_list(self):
        listed = [line["id"] for line in self.d.list()]
        wanted = {digest[:20]: entry for digest, entry in self.model.listed().items()}
        assert sorted(listed) == sorted([*wanted, *(digest[:20] for digest in self.model.local)])
        for one, entry in wanted.items():
            self.compare_shown(self.d.done(f"show {one}").lines[0], entry.shown())

    def compare_shown(self, shown, wanted):
        """A date that the host chose may be any; and who is denied in the table alone may be shown so."""
        doubtful = any(digest.startswith(shown["id"]) for digest in self.model.doubtful)
        for key in ("state", *STATES, *SHOWN):
            same = shown.get(key) == wanted.get(key) or (wanted.get(key) == NOW and key in shown)
            assert same or (doubtful and key in ("state", *STATES)), f"{key}={shown.get(key)}, and not {wanted.get(key)}: {shown.raw}"

    def go_on(self):
        """Send lines, and now and then do something else."""
        self.say(self.random.choice("aaab"), self.random.randrange(1, LINES))
        self.random.choices((lambda: None, self.deny, self.take, lambda: self.lose(self.random.choice("ab"))), (5, 2, 2, 1))[0]()


@pytest.mark.campaign
def test_every_line_of_the_agent_does_what_a_model_says(daemon):
    seed = int(os.environ.get("JETON_SEED", random.randrange(2 ** 32)))
    for number in rounds():
        print(f"seed {seed + number}")
        play = Play(daemon, seed + number)
        for _ in range(scaled(LOOKS)):
            for _ in range(STRETCHES):
                play.go_on()
            play.look()
            play.start_again()
            play.look()
        play.d.stop()
