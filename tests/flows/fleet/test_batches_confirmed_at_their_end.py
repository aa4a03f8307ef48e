# SPDX-License-Identifier: Apache-2.0
"""`fleet begin confirm=end`: the end of a batch answers for all changes in it, and the next part of a snapshot is read meanwhile."""
import os

import pytest

from fleet_feed import Feed, deny, drop, fleet_daemon, put, values
from value import digest_of, id_of, value_new
from waiting import eventually

NONCE = "0123456789abcdef0123456789abcdef"
PLACE = f"1:{NONCE}"


def ask(feed, lines, answers):
    """Send the lines at once; return the verdicts of so many answers, behind which no other comes."""
    feed.client.send(*lines, "ping")
    verdicts = [feed.client.reply().verdict for _ in range(answers)]
    assert feed.client.reply().final.raw == "OK", verdicts
    return verdicts


def test_changes_are_answered_by_the_end_alone(daemon):
    d, feed = fleet_daemon(daemon)
    one, two, three = values(3)
    lines = ["fleet begin place=none confirm=end", put(one), put(two), deny(two), put(three), drop(three), f"fleet end place={PLACE}"]
    assert ask(feed, lines, 2) == ["OK", "OK"]
    feed.lease()
    assert d.verify(one) == "OK" and d.verify(two) == "NO revoked" and d.verify(three) == "NO unknown"
    assert {r.verdict for r in feed.deliver(put(three), put(value_new()))} == {"OK"}, "the next batch is answered as it asks"


WRONG = {"bad-value": "put digest=00 group=web created=2026-01-01T00:00:00Z", "unknown-key": put("ab" * 32, other="x"),
         "duplicate-key": put("ab" * 32) + " group=web", "syntax": 'put digest="', "too-long": "put " + 9000 * "x"}


@pytest.mark.parametrize("code", WRONG)
def test_a_change_that_cannot_be_read_spoils_its_batch(daemon, code):
    d, feed = fleet_daemon(daemon)
    line, verdict = WRONG[code], f"ERR {code}"
    assert ask(feed, ["fleet begin place=none confirm=end", put(value_new()), line, put(value_new()), f"fleet end place={PLACE}"],
               2) == ["OK", verdict]
    assert feed.place() == "none" and d.list() == []
    replies = feed.deliver(put(value_new()), line, place=PLACE)
    assert [r.verdict for r in replies] == ["OK", "OK", verdict, verdict], "and where each is answered"
    assert feed.place() == "none" and d.list() == []


def test_what_is_brought_without_a_batch_is_not_answered(daemon):
    d, feed = fleet_daemon(daemon)
    other = Feed(d)
    other.done("fleet begin place=none")
    assert ask(feed, ["fleet begin place=none confirm=end", put(value_new()), f"fleet end place={PLACE}"], 2) == ["ERR busy", "ERR no-batch"]
    assert feed.ask("fleet begin place=none confirm=soon").verdict == "ERR bad-value"
    assert feed.ask(put(value_new())).verdict == "ERR no-batch"
    other.done("fleet abort")
    assert feed.place() == "none" and d.list() == []


def parts(count, tokens, begin="fleet begin snapshot=yes confirm=end"):
    """Values of a snapshot, and its lines, in so many parts."""
    made = sorted(values(count * tokens), key=digest_of)
    lines = [begin]
    for i in range(0, len(made), tokens):
        lines += [*map(put, made[i:i + tokens]), "fleet end more=yes"]
    return made, [*lines[:-1], f"fleet end place={PLACE}"]


def test_parts_of_a_snapshot_come_while_earlier_ones_are_saved(daemon):
    d, feed = fleet_daemon(daemon)
    made, lines = parts(9, 700)
    assert ask(feed, lines, 10) == ["OK"] * 10
    feed.lease()
    assert feed.done("fleet place")["tokens"] == str(len(made))
    assert [d.verify(value) for value in made[::350]] == ["OK"] * 18
    assert {line["id"] for line in d.list()} == set(map(id_of, made))


def slots(d):
    with d.client("admin") as client:
        return int(next(line["value"] for line in client.request("stats").lines if line["name"] == "table_slots"))


@pytest.mark.parametrize("most", (0, 40, 20000, 2**62))
def test_what_the_agent_says_of_a_snapshots_size_is_believed_as_far_as_its_digests_agree(daemon, most):
    d, feed = fleet_daemon(daemon)
    _, lines = parts(5, 400, f"fleet begin snapshot=yes confirm=end count={most}")
    assert ask(feed, lines, 6) == ["OK"] * 6
    assert feed.done("fleet place")["tokens"] == "2000" and 2000 < slots(d) < 8000


def thread_times(pid):
    """Nanoseconds of processor time of each thread so far."""
    times = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            times[task] = int(file.read().split()[0])
    return times


def spent(pid, act):
    """The time that each thread takes while something is done."""
    before = thread_times(pid)
    act()
    return {task: time - before.get(task, 0) for task, time in thread_times(pid).items()}


def test_who_verifies_is_served_by_another_thread_than_the_agent(daemon):
    d, feed = fleet_daemon(daemon, "daemon.workers=1")
    with d.client("admin") as client:
        assert next(line["value"] for line in client.request("stats").lines if line["name"] == "workers") == "1"
    times = spent(d.pid, lambda: [d.verify("x") for _ in range(300)])
    verifies = max(times, key=times.get)
    _, lines = parts(5, 1000)
    times = spent(d.pid, lambda: ask(feed, lines, 6))
    assert sum(times.values()) > 10 * times[verifies], times


def test_what_follows_a_part_that_fails_is_given_up(daemon):
    d, feed = fleet_daemon(daemon)
    made, lines = parts(4, 300)
    lines[350] = put(made[0])          # does not ascend: the second part is refused
    assert ask(feed, lines, 5) == ["OK", "OK", "ERR bad-value", "ERR no-batch", "ERR no-batch"]
    assert feed.place() == "none"
    eventually(lambda: d.list() == [], "it is taken back")
    made, lines = parts(3, 50)
    assert ask(feed, lines, 4) == ["OK"] * 4, "and another may begin"
    feed.lease()
    assert {d.verify(value) for value in made} == {"OK"}


@pytest.mark.parametrize("at", (250, 451, 901))
def test_a_connection_that_ends_within_a_snapshot_leaves_nothing(daemon, at):
    d, feed = fleet_daemon(daemon)
    before = value_new()
    feed.bring(put(before))
    _, lines = parts(4, 300)
    feed.client.send(*lines[:at])
    feed.client.close()
    feed = Feed(d)
    eventually(lambda: [line["id"] for line in d.list()] == [id_of(before)], "what came is taken back")
    assert feed.place().startswith("1:")
    feed.lease()
    assert d.verify(before) == "OK"
