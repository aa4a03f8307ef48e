# SPDX-License-Identifier: Apache-2.0
"""For how long a host answers about the fleet without hearing from it."""
import time

import pytest

from fleet_feed import boottime, deny, fleet_daemon, put, values
from settings import PATIENCE
from value import value_new
from waiting import eventually

NO = "ERR unavailable"


@pytest.fixture
def host(daemon):
    """A host with a token of the fleet, which is revoked, one that is not, and one of its own."""
    d, feed = fleet_daemon(daemon)
    d.good, d.denied = values(2)
    d.local = d.create()["token"]
    feed.bring(put(d.good), put(d.denied), deny(d.denied))
    return d, feed


def answers(d):
    """What becomes of the good one, the denied one, one that nobody knows, and the host's own."""
    return tuple(d.verify(value) for value in (d.good, d.denied, value_new(), d.local))


IN_FORCE = ("OK", "NO revoked", "NO unknown", "OK")
NOTHING = (NO, "NO revoked", NO, "OK")
KEPT = ("OK", "NO revoked", NO, "OK")


def seen_in_force(d, feed, seconds, keep=None):
    """Grant a short lease, and look at it in time, for which a busy machine may need a longer one; return how long it is."""
    feed.lease(seconds, keep)
    while answers(d) != IN_FORCE:
        seconds *= 3
        assert seconds < 5, "it is not in force"
        feed.lease(seconds, keep)
    return seconds


def test_without_a_lease_nothing_of_the_fleet_is_judged(host):
    """Neither by the socket nor by the table, of which verify() asks both; but a denial is final."""
    d, feed = host
    assert answers(d) == NOTHING
    feed.lease()
    assert answers(d) == IN_FORCE
    feed.done("fleet lease until=0")
    assert answers(d) == NOTHING
    assert d.stats()["fleet_lease_seconds"] == "0"


def test_a_lease_runs_out(host):
    d, feed = host
    seconds = seen_in_force(d, feed, 0.4)
    began = time.monotonic()
    eventually(lambda: d.verify(d.good) == NO, "it has run out")
    assert time.monotonic() - began < seconds + 2 * PATIENCE
    assert answers(d) == NOTHING


def test_known_tokens_may_go_on(host):
    d, feed = host
    seen_in_force(d, feed, 0.2, keep=60)
    eventually(lambda: answers(d) == KEPT, "only what is known goes on")
    assert int(feed.done("fleet place")["keep"]) > 50_000 and feed.done("fleet place")["lease"] == "0"
    feed.bring(deny(d.good))
    assert d.verify(d.good) == "NO revoked"


def test_the_log_says_when_it_ends_and_when_there_is_one_again(host):
    d, feed = host
    for lease, keep, words in ((60, None, "a lease is held"), (0.1, 60, "known tokens go on for"), (60, None, "a lease is held"),
                               (0.1, None, "its tokens, and unknown values, are refused until jeton-fleet renews")):
        before = d.log().count(words)
        feed.lease(lease, keep=keep)
        eventually(lambda: d.log().count(words) > before, words)


def test_after_a_start_there_is_none(host):
    d, feed = host
    feed.lease(keep=3600)
    d.kill_unseen()
    d.start()
    feed.again()
    assert answers(d) == NOTHING
    feed.lease()
    assert answers(d) == IN_FORCE


def test_it_is_bounded(host):
    _, feed = host
    for line in (f"fleet lease until={boottime(3700)}", f"fleet lease until={boottime(60)} keep={boottime(59)}",
                 f"fleet lease until={boottime(60)} keep={boottime(367 * 86400)}", f"fleet lease until={2**63}"):
        assert feed.ask(line).verdict == "ERR bad-value"
    feed.done(f"fleet lease until={boottime(3590)} keep={boottime(365 * 86400)}")
    assert 3_500_000 < int(feed.done("fleet place")["lease"]) <= 3_600_000


def test_there_is_none_before_a_snapshot_is_whole(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    lease = f"fleet lease until={boottime(60)}"
    assert feed.ask(lease).verdict == "ERR place"
    assert feed.done("fleet lease until=0")
    for line in "fleet begin snapshot=yes", put(value), "fleet end more=yes":
        feed.done(line)
    assert feed.ask(lease).verdict == "ERR place" and d.verify(value) == NO
    feed.done(f"fleet end place={feed.next_place()}")
    feed.done(lease)
    assert d.verify(value) == "OK"


def test_a_host_without_a_fleet_knows_what_is_unknown(daemon):
    assert daemon().verify(value_new()) == "NO unknown"
