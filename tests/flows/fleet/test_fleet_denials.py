# SPDX-License-Identifier: Apache-2.0
"""What stays denied, and what keeps nobody from his tokens, whatever else is brought."""
import collections
import threading

from fleet_feed import deny, drop, fleet_daemon, put, values
from settings import scaled
from value import digest_of, id_of, value_new
from waiting import eventually


def test_what_the_fleet_denied_of_a_host_stays_so_though_the_fleet_drops_it(daemon):
    d, feed = fleet_daemon(daemon)
    token, dropped = d.create(), d.create()
    feed.bring(deny(token["token"]), drop(dropped["token"]))
    feed.bring(drop(token["token"]))
    for _ in range(2):
        assert (d.verify(token["token"]), d.verify(dropped["token"])) == ("NO revoked", "OK")
        d.restart()
    d.done(f"delete {token['id']}")
    reply = d.ask(f'import token="{token["token"]}"')
    assert reply.verdict == "ERR exists" and "the fleet has denied" in reply["message"]


def test_a_digest_that_begins_as_another_one_keeps_no_host_from_its_snapshot(daemon):
    """Who may put tokens sees digests, and could put such ones."""
    d, feed = fleet_daemon(daemon)
    value, gone, new = values(3)
    like = [digest_of(v).hex()[:20] + 44 * digit for v in (value, gone) for digit in "0f"]
    feed.bring(put(value), put(gone))
    feed.bring(drop(gone))
    feed.snapshot(*map(put, [value, new, *like]))
    feed.lease()
    assert [d.verify(v) for v in (value, new, gone)] == ["OK", "OK", "NO unknown"]
    assert d.stats()["fleet_conflicts"] == "4" and len(d.list()) == 2 == int(d.stats()["fleet_tokens"])
    d.restart()
    feed.again()
    feed.lease()
    assert [d.verify(v) for v in (value, new, gone)] == ["OK", "OK", "NO unknown"]


def test_an_enable_of_a_snapshot_that_is_given_up_is_taken_back(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value), deny(value, "disabled"))
    feed.lease()
    feed.client.pipeline(["fleet begin snapshot=yes", put(value, enables="yes"), "fleet end more=yes"])
    assert d.verify(value) == "OK"
    feed.done("fleet abort")
    eventually(lambda: d.verify(value) == "NO disabled", "it is as it was")
    assert d.list()[0]["state"] == "disabled"


def test_tokens_of_a_subject_are_as_many_after_a_snapshot_that_is_given_up(daemon):
    """Also where it has denied some of them, and changed others; and the next one denies them for good."""
    d, feed = fleet_daemon(daemon, config="[policy]\nmax_tokens_per_subject = 4\n")
    denied, changed, other = values(3)
    feed.snapshot(*(put(value, subject="ann") for value in (denied, changed, other)))
    feed.lease()
    lines = sorted([put(denied, subject="ann", state="revoked"), put(changed, subject="ann", state="revoked", scopes="less"), put(other, subject="ann")])
    for _ in range(3):
        for reply in feed.client.pipeline(["fleet begin snapshot=yes", *lines, "fleet end more=yes", "fleet abort"]):
            assert reply.verdict == "OK", reply
        feed.lease()        # what came of it is taken back
        assert d.verify(denied) == "NO revoked"
    token = d.done("create subject=ann")
    assert d.ask("create subject=ann")["rule"] == "max_tokens_per_subject"
    feed.bring(deny(denied), deny(changed))
    for _ in range(2):
        assert d.ask("create subject=ann").verdict == "OK"
    assert d.ask("create subject=ann")["rule"] == "max_tokens_per_subject"
    d.done(f"revoke {token['id']}")
    d.done("create subject=ann")


def test_what_enables_does_not_end_a_disable_of_this_host_that_the_database_does_not_know(daemon):
    """It is older than that."""
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value))
    feed.lease()
    assert d.ask(f"disable {id_of(value)}").verdict == "ERR unavailable"
    feed.bring(put(value, enables="yes"))
    assert d.verify(value) == "NO disabled"
    feed.snapshot(put(value, enables="yes"))
    d.restart()
    feed.again()
    feed.lease()
    assert d.verify(value) == "NO disabled"
    request, = feed.done("fleet take wait=10s").lines
    feed.done(f"fleet done request={request['request']} place={feed.next_place()}")
    feed.bring(put(value, enables="yes"))
    assert d.verify(value) == "OK"


def test_a_denial_during_a_snapshot_keeps_nothing_that_the_snapshot_has_not(daemon):
    d, feed = fleet_daemon(daemon)
    first, last, kept = values(3)
    feed.bring(put(first), put(last), put(kept))
    feed.client.pipeline(["fleet begin snapshot=yes", put(kept), "fleet end more=yes"])
    for value in first, last, kept:
        assert d.ask(f"disable {id_of(value)}").verdict == "ERR unavailable"
    feed.done(f"fleet end place={feed.next_place()}")
    for _ in range(2):
        feed.lease()
        assert [line["id"] for line in d.list()] == [id_of(kept)] and feed.done("fleet place")["tokens"] == "1"
        assert [d.verify(value) for value in (first, last, kept)] == ["NO unknown", "NO unknown", "NO disabled"]
        d.restart()
        feed.again()


def test_a_denial_of_what_came_with_half_a_snapshot_says_that_it_is_not_saved(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.client.pipeline(["fleet begin snapshot=yes", put(value), "fleet end more=yes"])
    reply = d.ask(f"revoke {id_of(value)}")
    assert reply.verdict == "ERR store" and "a snapshot of the fleet that is not complete" in reply["message"]
    assert d.verify(value) == "NO revoked"
    feed.done(f"fleet end place={feed.next_place()}")
    assert d.verify(value) == "NO revoked" and d.ask(f"revoke {id_of(value)}").verdict == "ERR unavailable"
    d.restart()
    assert d.verify(value) == "NO revoked"


def test_a_delivery_that_enables_and_disables_passes_nothing_in_between(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value), deny(value, "disabled"))
    feed.lease()
    seen, ends = collections.Counter(), threading.Event()

    def look():
        with d.client("verify") as client:
            while not ends.is_set():
                seen.update(reply.verdict for reply in client.pipeline([f"verify {value}"] * 100))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(scaled(10, 2)):
        feed.bring(*[put(value, enables="yes"), deny(value, "disabled")] * 2500)
    ends.set()
    thread.join()
    assert seen and set(seen) == {"NO disabled"}, seen
    feed.bring(*[put(value, enables="yes"), deny(value, "disabled")] * 9, put(value, enables="yes"))
    assert d.verify(value) == "OK" and d.list()[0]["state"] == "active"
