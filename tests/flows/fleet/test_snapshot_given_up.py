# SPDX-License-Identifier: Apache-2.0
"""What comes at once behind a snapshot that is given up: before jetond has taken back what came of it."""
from fleet_feed import CREATED, LATER, fleet_daemon, put, values
from value import id_of, value_new

ROUNDS = 10


def begun(*lines):
    return ["fleet begin snapshot=yes", *sorted(lines), "fleet end more=yes", "fleet abort"]


def verdicts(replies):
    return {reply.verdict for reply in replies}


def test_the_agent_goes_back(daemon):
    _, feed = fleet_daemon(daemon)
    place = feed.bring(put(value_new()))
    feed.bring(put(value_new()))
    for _ in range(ROUNDS):
        assert verdicts(feed.client.pipeline([*begun(put(value_new())), f"fleet rewind place={place}"])) == {"OK"}


def test_a_delivery_finds_each_token_once(daemon):
    d, feed = fleet_daemon(daemon)
    known, new = values(20), values(20)
    for _ in range(ROUNDS):
        here = feed.place()
        replies = feed.client.pipeline([
            *begun(*[put(value, created=LATER) for value in known + new]),
            f"fleet begin place={here}", *[put(value, created=CREATED) for value in known], f"fleet end place={feed.next_place(here)}"])
        assert verdicts(replies) == {"OK"}
    feed.lease()
    assert sorted(line["id"] for line in d.list()) == sorted(map(id_of, known))
    assert feed.done("fleet place")["tokens"] == "20"
