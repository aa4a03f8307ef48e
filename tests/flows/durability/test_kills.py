# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment: nothing acknowledged is lost, nothing is half done, nobody has to help."""
import contextlib
import random
import time

import pytest

from daemon import Daemon
from load import Load, Token, drive
from settings import TORTURE, scaled

CONNECTIONS = 3
LONGEST = 0.06          # seconds of load before the kill
FULL_CHECK = 40         # kills between two comparisons of everything
KILLS, SHORT = 1000, 5 # and after how many seconds `make test` ends, though it has made at least
LEAST = scaled(25, 8)


class World:
    """What the store must hold, and what that is by its journal."""

    def __init__(self):
        self.tokens = {}
        self.replayed = {}
        self.serial = 0

    def kill_under_load(self, daemon):
        loads = [Load(daemon.path(), f"c{n}", self.owned_by(f"c{n}")) for n in range(CONNECTIONS)]
        for load in loads:
            load.made = self.serial * 100       # descriptions stay unique
        end = time.monotonic() + random.uniform(0, LONGEST)
        with checkpoints(daemon) if random.random() < 0.5 else contextlib.nullcontext():
            drive(loads, lambda: time.monotonic() >= end)
            daemon.kill_unseen()
        for load in loads:
            load.drain()
        return loads

    def owned_by(self, name):
        return {i: token for i, token in self.tokens.items() if token.subject == name}

    def replay(self, daemon):
        """Follows the journal from where we were; returns the ids it concerns."""
        concerned, made = set(), {}
        for entry in daemon.done(f"journal after={self.serial}").lines:
            assert int(entry["serial"]) == self.serial + 1, "serials have no gap"
            self.serial += 1
            ident, event = entry["id"], entry["event"]
            concerned.add(ident)
            if event == "create":
                assert entry["scopes"] == "a,b"
                made[ident] = Token("active", entry["description"], entry["subject"])
                self.replayed[ident] = made[ident]
            elif event == "update":
                token = self.replayed[ident]
                self.replayed[ident] = token._replace(description=entry["description"])
            elif event == "delete":
                del self.replayed[ident]
            else:
                state = {"revoke": "revoked", "disable": "disabled", "enable": "active"}[event]
                self.replayed[ident] = self.replayed[ident]._replace(state=state)
        return concerned, made

    def check(self, daemon, loads):
        """Compares what this round concerned: what was acknowledged, the records, the journal."""
        concerned, made = self.replay(daemon)
        unanswered = {}
        for load in loads:
            concerned |= load.concerned()
            unanswered |= load.unanswered_creates()
        acknowledged = {ident for load in loads for ident in load.acknowledged}
        concerned = sorted(concerned)
        for ident, found in zip(concerned, self.shown(daemon, concerned)):
            assert self.replayed.get(ident) == found, f"journal and record of {ident}"
            if ident in made and ident not in acknowledged and ident not in self.tokens:
                assert found == unanswered.pop(found.description, None), (
                    f"unanswered create {ident}")
            else:
                load = next(l for l in loads if ident in l.concerned())
                possible = load.possible(ident, self.tokens.get(ident))
                assert found in possible, f"{ident} is {found}, which is none of {possible}"
            self.settle(ident, found)

    def settle(self, ident, found):
        if found is None:
            self.tokens.pop(ident, None)
        else:
            self.tokens[ident] = found

    def shown(self, daemon, ids):
        with daemon.client() as client:
            for reply in client.pipeline([f"show {ident}" for ident in ids]):
                yield token_of(reply.lines[0]) if reply.verdict == "OK" else None

    def check_all(self, daemon):
        listed = {line["id"]: token_of(line) for line in daemon.list()}
        assert listed == self.tokens, "list shows what was acknowledged"
        assert listed == self.replayed, "and so does the journal"


def token_of(line):
    assert line["scopes"] == "a,b"
    return Token(line["state"], line["description"], line["subject"])


@contextlib.contextmanager
def checkpoints(daemon):
    """Have one checkpoint made after the other."""
    with daemon.client() as client:
        client.send(*["checkpoint"] * 100)
        yield


@pytest.mark.timeout(200)
@pytest.mark.campaign
@pytest.mark.slow
def test_no_acknowledged_change_is_lost_in_1000_kills():
    world, number, end = World(), 0, time.monotonic() + SHORT
    with Daemon(roles=("admin",)) as daemon:
        while number < (KILLS if TORTURE or time.monotonic() < end else LEAST):
            number += 1
            loads = world.kill_under_load(daemon)
            if random.random() < 0.1:       # and once more before it is ready again
                daemon.spawn()
                time.sleep(random.uniform(0, 0.02))
                daemon.kill_unseen()
            daemon.start()
            world.check(daemon, loads)
            if number % FULL_CHECK == 0:
                world.check_all(daemon)
        world.check_all(daemon)
    print(number, "kills")


@pytest.mark.slow
def test_kill_while_the_store_is_being_made_needs_no_help():
    for _ in range(scaled(20, 3)):
        daemon = Daemon(roles=("admin",)).spawn()
        time.sleep(random.uniform(0, 0.03))
        daemon.kill()
        with daemon:
            token = daemon.create()
            daemon.kill()
            daemon.start()
            assert [line["id"] for line in daemon.list()] == [token["id"]]


def test_values_created_before_a_kill_verify_after_it(daemon):
    d = daemon()
    values = [r["token"] for r in d.client().pipeline(["create scopes=a"] * 100)]
    d.kill()
    d.start()
    lines = [f"verify scope=a {value}" for value in values]
    assert {r.verdict for r in d.client("verify").pipeline(lines)} == {"OK"}


def test_revoked_token_is_refused_after_a_kill(daemon):
    d = daemon()
    tokens = [d.create() for _ in range(3)]
    d.done(f"revoke {tokens[0]['id']}")
    d.done(f"disable {tokens[1]['id']}")
    d.kill()
    d.start()
    assert [d.verify(token["token"]) for token in tokens] == ["NO revoked", "NO disabled", "OK"]
