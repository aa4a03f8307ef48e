# SPDX-License-Identifier: Apache-2.0
"""The cache of the fleet's tokens when its disk refuses, when its files are damaged, and when jetond is killed."""
import glob
import os
import random

import pytest

from fleet_feed import deny, drop, fleet_daemon, put, values
from refused_writes import writes_refused
from value import id_of, value_new
from waiting import eventually


def test_denials_hold_although_the_disk_refuses_them(daemon):
    d, feed = fleet_daemon(daemon)
    revoked, disabled, dropped, new = values(4)
    place = feed.bring(put(revoked), put(disabled), put(dropped))
    feed.lease()
    changes = deny(revoked), deny(disabled, "disabled"), drop(dropped), put(new)
    with writes_refused(d):
        assert feed.deliver(*changes)[-1].verdict == "ERR store"
        assert (d.verify(revoked), d.verify(disabled), d.verify(new)) == ("NO revoked", "NO disabled", "NO unknown")
        assert d.verify(dropped) in ("NO revoked", "NO unknown")
        assert d.done(f"show {id_of(revoked)}").lines[0]["state"] == "revoked"
        assert d.verify(d.ask("create").final.get("token", value_new())) == "NO unknown", "the store is refused, too"
        assert feed.place() == place and int(d.stats()["fleet_failures"]) == 1
    feed.bring(*changes)
    assert [d.verify(v) for v in (revoked, disabled, dropped, new)] == ["NO revoked", "NO disabled", "NO unknown", "OK"]
    assert sorted(line["id"] for line in d.list()) == sorted(map(id_of, (revoked, disabled, new)))
    d.restart()
    feed.again()
    feed.lease()
    assert [d.verify(v) for v in (revoked, disabled, dropped, new)] == ["NO revoked", "NO disabled", "NO unknown", "OK"]
    assert "denials that came are in force" in d.log() and "can be written again" in d.log()


def test_each_batch_of_denials_holds_while_the_disk_refuses_all(daemon):
    d, feed = fleet_daemon(daemon)
    tokens = values(3)
    feed.bring(*map(put, tokens))
    feed.lease()
    with writes_refused(d):
        for some in tokens[:1], tokens[:2]:     # the agent tries again, with what came meanwhile
            assert feed.deliver(*map(deny, some))[-1].verdict == "ERR store"
            assert [d.verify(token) for token in some] == ["NO revoked"] * len(some)
        feed.client.pipeline(["fleet begin snapshot=yes", put(tokens[2], state="revoked"), f"fleet end place={feed.next_place()}"])
        assert d.verify(tokens[2]) == "NO revoked"


def test_several_changes_of_a_token_that_the_disk_refuses_leave_it_once(daemon):
    d, feed = fleet_daemon(daemon, "policy.max_tokens_per_subject=2")
    kept, moved = values(2)
    feed.bring(put(kept, subject="ann"), put(moved, subject="ann"))
    with writes_refused(d):
        assert feed.deliver(put(moved, subject="bob"), put(moved, subject="eve"), put(kept, subject="eve"), drop(kept),
                            put(kept, subject="ann"))[-1].verdict == "ERR store"
    eventually(lambda: d.ask("create").verdict == "OK", "the store can be written")
    eventually(lambda: feed.deliver(put(value_new()))[-1].verdict == "OK", "the cache can be, too")
    listed = [line["id"] for line in d.list(group="web")]
    assert len(listed) == len(set(listed)) == 3 == int(d.stats()["fleet_tokens"])
    assert d.ask("create subject=ann")["rule"] == "max_tokens_per_subject"
    assert [d.ask("create subject=bob").verdict for _ in range(3)] == ["OK", "OK", "ERR policy"]


def test_a_snapshot_that_the_disk_refuses_changes_nothing(daemon):
    d, feed = fleet_daemon(daemon)
    kept, new = values(600), values(2)
    place = feed.bring(*map(put, kept))
    feed.lease()
    with writes_refused(d):
        replies = feed.client.pipeline(["fleet begin snapshot=yes", *sorted(map(put, kept[1:] + new)),
                                       f"fleet end place={feed.next_place()}"])
        assert replies[-1].verdict == "ERR store"
    eventually(lambda: len(d.list()) == 600, "what came is taken back")
    assert feed.place() == place and d.verify(kept[0]) == "OK" and d.verify(new[0]) == "NO unknown"
    feed.snapshot(*map(put, kept[1:] + new))
    feed.lease()
    assert d.verify(new[0]) == "OK" and d.verify(kept[0]) == "NO unknown" and len(d.list()) == 601


@pytest.mark.parametrize("file", ["fleet", "fleet.wal"])
def test_a_damaged_cache_is_set_aside(daemon, file):
    d, feed = fleet_daemon(daemon)
    value, own = value_new(), d.create()["token"]
    feed.snapshot(put(value))
    feed.bring(put(value_new()))
    d.stop()
    path = f"{d.store}.{file}"
    with open(path, "r+b") as damaged:
        damaged.write(os.urandom(4096))
    d.start()
    feed.again()
    assert feed.place() == "none" and d.verify(own) == "OK" and d.verify(value) == "ERR unavailable"
    assert feed.ask("fleet lease until=1").verdict == "ERR place"
    assert glob.glob(f"{d.store}.fleet*.damaged") and "had not reached the database" in d.log()
    feed.snapshot(put(value))
    feed.lease()
    assert d.verify(value) == "OK" and len(d.list()) == 2
    d.restart()
    feed.again()
    assert feed.place() != "none"


def test_what_was_read_of_a_damaged_cache_is_counted_until_it_is_taken_back(daemon):
    d, feed = fleet_daemon(daemon)
    feed.snapshot(*map(put, values(2000)))
    d.stop()
    with open(f"{d.store}.fleet", "r+b") as damaged:
        damaged.seek(os.path.getsize(damaged.name) // 2)
        damaged.write(os.urandom(5000))
    d.start()
    feed.again()
    feed.snapshot(*map(put, values(2)))
    assert d.stats()["fleet_tokens"] == "2" == str(len(d.list()))


class Model:
    """What a host must say of each value, by what was answered OK."""

    def __init__(self, count):
        self.values = values(count)
        self.known = {}         # value: set of "revoked", "disabled" and "deleted"
        self.again = set()      # what a snapshot that was given up had brought again: denied, until a restart

    def change(self, rng):
        """A line, and what is done by it."""
        value = rng.choice(self.values)
        line, done = rng.choice([(put(value, subject=rng.choice("ab")), "put"), (put(value, enables="yes"), "enable"),
                                 (deny(value), "revoked"), (deny(value, "disabled"), "disabled"), (drop(value), "deleted")])
        return value, line, done

    def apply(self, changes):
        for value, _, done in changes:
            if done == "deleted" and value not in self.known:
                continue
            state = self.known.setdefault(value, set())
            if done == "enable":
                state.discard("disabled")
            elif done != "put":
                state.add(done)

    def snapshot(self, puts):
        """What the snapshot has not is dropped; of tombstones only denials stay."""
        before, self.known = self.known, {}
        for value in self.values:
            state = before.get(value, set())
            denied = state - {"deleted"}
            if value in puts:
                self.known[value] = denied
            elif denied:
                self.known[value] = state | {"deleted"}

    def verdict(self, value):
        state = self.known.get(value, {"deleted"})
        for what, verdict in ("deleted", "NO unknown"), ("revoked", "NO revoked"), ("disabled", "NO disabled"):
            if what in state:
                return verdict
        return "OK"

    def check(self, d):
        with d.client("verify") as client:
            replies = client.pipeline([f"verify {value}" for value in self.values])
        for value, reply in zip(self.values, replies):
            state = self.known.get(value, set())
            denials = {f"NO {name}" for name in state - {"deleted"}} if value in self.again else set()
            assert reply.verdict in {self.verdict(value)} | denials, (value, state)
        listed = {v for v, state in self.known.items() if "deleted" not in state}
        assert sorted(line["id"] for line in d.list()) == sorted(map(id_of, listed))
        assert d.stats()["fleet_tokens"] == str(len(listed))
        by_subject = [line["id"] for subject in ("a", "b") for line in d.list(subject=subject)]
        assert len(by_subject) == len(set(by_subject)) == sum("subject" in line for line in d.list())


def start_again(d, feed, model, rng):
    getattr(d, rng.choice(["kill_unseen", "stop"]))()
    d.start()
    feed.again()
    model.again.clear()


def rewind(d, feed, model, rng):
    feed.done(f"fleet rewind place={rng.choice(feed.done('fleet places limit=3').lines)['place']}")


def snapshot(d, feed, model, rng):
    whole = rng.sample(model.values, rng.randrange(len(model.values)))
    feed.snapshot(*map(put, whole), part=rng.choice([None, 3]))
    model.snapshot(set(whole))


def half_a_snapshot(d, feed, model, rng):
    some = rng.sample(model.values, 10)
    lines = sorted(map(put, some))
    feed.client.pipeline(["fleet begin snapshot=yes", *lines, "fleet end more=yes", *lines[:1]])
    feed.again()
    eventually(lambda: feed.ask(f"fleet begin place={feed.place()}").verdict == "OK", "it is given up")
    feed.done("fleet abort")
    model.again |= {value for value in some if "deleted" in model.known.get(value, ())}


@pytest.mark.parametrize("seed", range(2))
def test_a_host_has_what_a_model_has(daemon, seed):
    """Through batches that are brought once or again, restarts, kills, rewinds and snapshots."""
    rng, model = random.Random(seed), Model(40)
    d, feed = fleet_daemon(daemon)
    for _ in range(60):
        changes = [model.change(rng) for _ in range(rng.randrange(1, 8))]
        feed.bring(*[line for _, line, _ in changes])
        model.apply(changes)
        if rng.random() < 0.25:
            rng.choice([start_again, rewind, snapshot, half_a_snapshot])(d, feed, model, rng)
    feed.lease()
    model.check(d)
    start_again(d, feed, model, rng)
    feed.lease()
    model.check(d)
