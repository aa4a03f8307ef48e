# SPDX-License-Identifier: Apache-2.0
"""Digests of the fleet's tokens that somebody has chosen so that they begin alike: an issuer that he has broken into makes
what tokens he likes."""
import secrets

from fleet_feed import deny, fleet_daemon, put
from proc import cpu

COUNT, PART = 10000, 2500
SUBJECTS = 100


def seconds(daemon, act):
    before = cpu(daemon.pid)
    act()
    return cpu(daemon.pid) - before


def chosen(number):
    """As much alike as the database lets pass: all but some of the first 62 bits."""
    return "6a" * 6 + (4 * number).to_bytes(2, "big").hex() + 24 * "00"


def bring(feed, changes):
    for at in range(0, len(changes), PART):
        feed.bring(*changes[at:at + PART])


def puts(digests):
    return [put(digest, subject=f"s{number % SUBJECTS}", origin="web2") for number, digest in enumerate(digests)]


def test_digests_that_begin_alike_cost_no_more_than_others(daemon):
    """Neither when they come, nor after a restart, nor what verifies or denies beside them."""
    other, other_feed = fleet_daemon(daemon)
    others = seconds(other, lambda: bring(other_feed, puts([secrets.token_hex(32) for _ in range(COUNT)])))
    other.restart()
    other_start = cpu(other.pid)
    other.stop()

    d, feed = fleet_daemon(daemon)
    value = d.create()["token"]
    digests = [chosen(number) for number in range(COUNT)]
    came = seconds(d, lambda: bring(feed, puts(digests)))
    denied = seconds(d, lambda: bring(feed, [deny(digest) for digest in digests[::2]]))
    assert came < 2 * others + 0.5 and denied < 2 * others + 0.5
    feed.lease()
    assert d.verify(value) == "OK"
    d.restart()
    assert cpu(d.pid) < 2 * other_start + 0.5
    feed.again()
    feed.lease()
    stats = d.stats()
    assert (stats["fleet_tokens"], stats["tokens"], stats["fleet_spreads"]) == (str(COUNT), str(COUNT + 1), "0")
    assert len(d.list(state="revoked")) == COUNT // 2
    states = {number: d.done(f"show {digests[number][:20]}").lines[0]["state"] for number in (0, 1, COUNT - 2, COUNT - 1)}
    assert states == {0: "revoked", 1: "active", COUNT - 2: "revoked", COUNT - 1: "active"}
    assert d.verify(value) == "OK"
