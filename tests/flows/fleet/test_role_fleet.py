# SPDX-License-Identifier: Apache-2.0
"""jetond's socket of the role fleet: each word, and what it brings."""
import pytest

from fleet_feed import CREATED, LATER, Feed, deny, drop, fleet_daemon, put, values
from value import digest_of, id_of, value_new
from waiting import eventually

ANY = "0123456789abcdef" * 4
NONCE = "0123456789abcdef0123456789abcdef"


def test_a_host_begins_at_no_place(daemon):
    d, feed = fleet_daemon(daemon)
    reply = feed.done("fleet place")
    assert (reply["place"], reply["lease"], reply["keep"], reply["tokens"], reply["rewinds"]) == ("none", "0", "0", "0", "0")
    assert feed.done("fleet places").final.raw == "OK count=0"
    assert feed.done("hello")["role"] == "fleet" and feed.done("hello")["fleet"] == "yes"


@pytest.mark.parametrize("line, verdict", [
    ("fleet", "ERR missing"),
    ("fleet dance", "ERR bad-value"),
    ("fleet place place=none", "ERR unknown-key"),
    ("fleet place other=1", "ERR unknown-key"),
    ("fleet places after=x", "ERR bad-value"),
    ("fleet places limit=-1", "ERR bad-value"),
    ("fleet rewind", "ERR missing"),
    ("fleet rewind place=1", "ERR bad-value"),
    (f"fleet rewind place=1:{NONCE}", "NO unknown"),
    ("fleet lease", "ERR missing"),
    ("fleet lease until=soon", "ERR bad-value"),
    ("fleet begin", "ERR missing"),
    ("fleet begin place=none snapshot=perhaps", "ERR bad-value"),
    (f"fleet begin place=1:{NONCE}", "ERR place"),
    ("fleet begin place=1:0", "ERR bad-value"),
    ("fleet end place=none", "ERR no-batch"),
    ("fleet abort", "ERR no-batch"),
    ("fleet touched after=x", "ERR bad-value"),
    ("fleet touched after=9.1", "ERR bad-value"),
    (put(ANY), "ERR no-batch"),
    (deny(ANY), "ERR no-batch"),
    (drop(ANY), "ERR no-batch"),
    ("verify token=x", "ERR forbidden"),
    ("list", "ERR forbidden"),
    ("create", "ERR forbidden"),
    ("put", "ERR missing"),
])
def test_what_is_wrong_is_refused(fleet, line, verdict):
    assert fleet.ask(line).verdict == verdict


@pytest.mark.parametrize("line", [
    "put digest=00 group=web created=" + CREATED,
    put(ANY).replace("group=web", "group=../x"),
    put(ANY).replace("group=web ", ""),
    put(ANY).replace("group=web", "group="),
    put(ANY, created="yesterday"),
    put(ANY, state="unknown"),
    put(ANY, expires=CREATED, activates=LATER),
    put(ANY, enables="perhaps"),
    put(ANY, by="root"),
    put(ANY, replaces="xyz"),
    put(ANY, revoked="1970-01-01T00:00:00Z"),
    put(ANY, origin="-h"),
    deny(ANY, state="active"),
    deny(ANY).replace(" group=web", ""),
    "drop digest=x",
    "drop",
    put(ANY, colour="red"),
    put(ANY, digest=ANY),
    put(ANY) + ' description="',
    put(ANY, description="x" * 8192),
    deny(ANY).replace("deny", "denny"),
])
def test_a_batch_with_what_is_wrong_changes_nothing(fleet, line):
    value, place = value_new(), fleet.place()
    replies = fleet.deliver(put(value), line, put(value_new()))
    assert [r.verdict for r in replies[:2]] + [replies[3].verdict] == ["OK", "OK", "OK"]
    assert replies[2].verdict.startswith("ERR ") and replies[4].verdict == replies[2].verdict
    assert fleet.place() == place and fleet.daemon.done("list").data == []
    assert fleet.ask("fleet end place=none").verdict == "ERR no-batch", "it is over"


@pytest.fixture(scope="module")
def shared():
    """One daemon for those who leave nothing behind."""
    from daemon import Daemon
    from fleet_feed import ROLES
    with Daemon(roles=ROLES) as d:
        yield d


@pytest.fixture
def fleet(shared):
    feed = Feed(shared)
    yield feed
    feed.client.close()


def test_a_batch_is_in_force_when_it_is_answered(daemon):
    d, feed = fleet_daemon(daemon)
    one, two = values(2)
    first = feed.bring(put(one, subject="ann", scopes="a,b", description="x"), put(two, origin="h1", by="uid:7"))
    feed.lease()
    assert d.verify(one) == d.verify(two) == "OK" and d.verify(value_new()) == "NO unknown"
    assert d.verify(one, subject="bob") == "NO subject" and d.verify(one, scope="c") == "NO scope"
    second = feed.bring(deny(one), drop(two))
    assert d.verify(one) == "NO revoked" and d.verify(two) == "NO unknown"
    assert [line["place"] for line in feed.done("fleet places").lines] == [second, first]
    assert [line["place"] for line in feed.done("fleet places after=2").lines] == [first]
    assert [line["place"] for line in feed.done("fleet places limit=1").lines] == [second]
    assert feed.done("fleet place")["tokens"] == "1"


def test_one_session_at_a_time_brings_a_batch(daemon):
    d, feed = fleet_daemon(daemon)
    other = Feed(d)
    feed.done("fleet begin place=none")
    assert feed.ask("fleet begin place=none").verdict == "ERR busy"
    assert other.ask("fleet begin place=none").verdict == "ERR busy"
    feed.done("fleet abort")
    other.done("fleet begin place=none")
    other.client.close()
    eventually(lambda: feed.ask("fleet begin place=none").verdict == "OK", "what a connection held ends with it")


@pytest.mark.parametrize("whole", [False, True])
def test_a_connection_that_is_lost_leaves_nothing_half(daemon, whole):
    """Of a snapshot, parts were in force already."""
    d, feed = fleet_daemon(daemon)
    kept, lost = value_new(), values(20)
    place = feed.bring(put(kept))
    feed.lease()
    begun = ["fleet begin snapshot=yes", *sorted(map(put, lost)), "fleet end more=yes"] if whole else \
        [f"fleet begin place={place}", *map(put, lost)]
    assert {r.verdict for r in feed.client.pipeline(begun)} == {"OK"}
    feed.again()
    eventually(lambda: len(d.list()) == 1, "what came is taken back")
    feed.lease()
    assert feed.place() == place and d.verify(kept) == "OK"
    assert {d.verify(value) for value in lost} == {"NO unknown"}
    feed.bring(put(lost[0]))
    assert d.verify(lost[0]) == "OK" and len(d.list()) == 2


def test_a_batch_may_come_again(daemon):
    d, feed = fleet_daemon(daemon)
    one, two, three = values(3)
    batch = put(one), put(two), deny(two), put(three), drop(three)
    place = feed.bring(*batch)
    before = d.done("list").data
    feed.done(f"fleet rewind place={place}")
    for _ in range(3):
        feed.bring(*batch)
    feed.lease()
    assert d.done("list").data == before and len(before) == 2
    assert (d.verify(one), d.verify(two), d.verify(three)) == ("OK", "NO revoked", "NO unknown")


def rewound(d, feed, first):
    feed.done(f"fleet rewind place={first}")


def restarted(d, feed, first):
    d.restart()
    feed.again()


def put_again(d, feed, first):
    pass


DENIALS = [
    (deny, "NO revoked"),
    (lambda v: deny(v, "disabled"), "NO disabled"),
    (lambda v: put(v, state="revoked", revoked=LATER), "NO revoked"),
    (lambda v: put(v, state="disabled", disabled=LATER), "NO disabled"),
    (drop, "NO unknown"),
]


@pytest.mark.parametrize("between", [put_again, rewound, restarted])
def test_no_put_undoes_a_denial(daemon, between):
    """Whether or not the token was here before."""
    d, feed = fleet_daemon(daemon)
    known = {value: DENIALS[i] for i, value in enumerate(values(5))}
    denied = known | {value: DENIALS[i] for i, value in enumerate(values(4))}
    states = {value: state for value, (_, state) in denied.items()}
    other = value_new()
    first = feed.bring(put(other), *map(put, known))
    feed.bring(*[line(value) for value, (line, _) in denied.items()])
    between(d, feed, first)
    feed.bring(*map(put, denied))
    feed.lease()
    assert {value: d.verify(value) for value in denied} == states and d.verify(other) == "OK"
    final = [value for value, state in states.items() if state != "NO disabled"]
    feed.bring(*[put(value, enables="yes") for value in final])
    restarted(d, feed, first)
    feed.lease()
    assert {value: d.verify(value) for value in denied} == states and d.verify(other) == "OK"


@pytest.mark.parametrize("denied, state", [
    pytest.param(deny, "NO revoked", id="revoke"),
    pytest.param(lambda v: deny(v, "disabled"), "NO disabled", id="disable"),
])
def test_no_snapshot_undoes_a_denial(daemon, denied, state):
    d, feed = fleet_daemon(daemon)
    known, unknown, gone = values(3)
    feed.bring(put(known), denied(known), denied(unknown), put(gone))
    feed.snapshot(put(known), put(unknown))
    feed.lease()
    assert (d.verify(known), d.verify(unknown), d.verify(gone)) == (state, state, "NO unknown")
    d.restart()
    feed.again()
    feed.lease()
    assert (d.verify(known), d.verify(unknown), d.verify(gone)) == (state, state, "NO unknown")


def test_a_disable_is_ended_by_what_enables_alone(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value), deny(value, "disabled"), put(value))
    feed.lease()
    assert d.verify(value) == "NO disabled"
    feed.bring(put(value, enables="yes"))
    assert d.verify(value) == "OK"
    feed.bring(deny(value, "disabled"), put(value, enables="yes"), deny(value, "disabled"))
    assert d.verify(value) == "NO disabled"
    feed.bring(put(value, enables="yes"), deny(value))
    assert d.verify(value) == "NO revoked"


def test_a_snapshot_replaces_what_was_here(daemon):
    d, feed = fleet_daemon(daemon)
    old, new = values(30), values(40)
    feed.bring(*map(put, old))
    place = feed.snapshot(*map(put, old[:10] + new), part=7)
    feed.lease()
    assert {d.verify(v) for v in old[:10] + new} == {"OK"} and {d.verify(v) for v in old[10:]} == {"NO unknown"}
    assert {line["id"] for line in d.list()} == set(map(id_of, old[:10] + new))
    assert [line["place"] for line in feed.done("fleet places").lines] == [place]
    feed.bring(put(old[20]))
    assert d.verify(old[20]) == "OK", "a group that comes back brings its tokens back"


def test_a_snapshot_ascends_and_has_puts_alone(fleet):
    one, two = sorted(values(2), key=digest_of)
    for lines in (put(two), put(one)), (put(one), put(one)), (put(one), deny(two)), (put(one), drop(two)):
        replies = fleet.client.pipeline(["fleet begin snapshot=yes", *lines, f"fleet end place=7:{NONCE}"])
        assert [r.verdict for r in replies] == ["OK", "OK", "ERR bad-value", "ERR bad-value"]
    replies = fleet.client.pipeline(["fleet begin snapshot=yes", put(two), "fleet end more=yes", put(one), "fleet abort"])
    assert [r.verdict for r in replies] == ["OK", "OK", "OK", "ERR bad-value", "OK"]
    assert fleet.place() == "none"
    eventually(lambda: fleet.daemon.list() == [], "it is taken back")


def test_a_batch_ends_at_a_place_that_may_be(fleet):
    for end in "fleet end", "fleet end place=none", f"fleet end place=3:{NONCE} more=yes":
        assert [r.verdict for r in fleet.client.pipeline(["fleet begin place=none", end])] == ["OK", "ERR bad-value"]


def test_a_batch_is_bounded(fleet):
    lines = [drop(value_new())] * 5001
    replies = fleet.client.pipeline(["fleet begin place=none", *lines, lines[0], f"fleet end place=1:{NONCE}"])
    assert [r.verdict for r in replies[:-2]] == ["OK"] * 5002
    assert [r.verdict for r in replies[-2:]] == ["ERR too-large"] * 2
    text = "x" * 1000
    large = [put(value_new(), description=text, subject="s" * 255, scopes="a" * 60) for _ in range(5000)]
    replies = fleet.client.pipeline(["fleet begin place=none", *large, "fleet abort"])
    assert {r.verdict for r in replies} in ({"OK"}, {"OK", "ERR too-large"})


def test_what_was_disabled_when_its_group_left_can_be_enabled_when_the_group_is_back(daemon):
    """As with all that a snapshot has not, it is not known meanwhile."""
    d, feed = fleet_daemon(daemon)
    one, other = values(2)
    feed.bring(put(one), deny(one, "disabled"), put(other, "mail"))
    feed.snapshot(put(other, "mail"))
    feed.lease()
    assert d.verify(one) == "NO unknown" and len(d.list()) == 1
    feed.snapshot(put(one), put(other, "mail"))
    feed.lease()
    assert d.verify(one) == "NO disabled" and len(d.list()) == 2
    feed.bring(put(one, enables="yes"))
    assert d.verify(one) == "OK"


def test_the_agent_that_goes_back_finds_a_place(daemon):
    d, feed = fleet_daemon(daemon)
    places = [feed.bring(put(value)) for value in values(3)]
    feed.done(f"fleet rewind place={places[0]}")
    assert feed.place() == places[0] and feed.done("fleet place")["rewinds"] == "1"
    assert feed.ask(f"fleet rewind place={places[2]}").verdict == "NO unknown", "that is no longer its history"
    assert feed.ask(f"fleet begin place={places[1]}")["place"] == places[0]
    assert len(d.list()) == 3, "what was put stays, until the feed changes it"
    d.restart()
    feed.again()
    assert feed.place() == places[0]
    assert d.stats()["fleet_serial"] == "1"


def test_a_token_of_this_host_alone_stays_what_it_is(daemon):
    d, feed = fleet_daemon(daemon)
    made = d.create(subject="ann")
    value, here = made["token"], made["id"]
    feed.bring(put(value, subject="bob"))
    feed.lease()
    assert d.verify(value, subject="ann") == "OK" and d.stats()["fleet_conflicts"] == "1"
    assert "group" not in d.done(f"show {here}").lines[0]
    feed.bring(drop(value))
    assert d.verify(value) == "OK"
    feed.bring(deny(value))
    assert d.verify(value) == "NO revoked" and d.done(f"show {here}").lines[0]["state"] == "revoked"
    d.restart()
    feed.again()
    feed.lease()
    assert d.verify(value) == "NO revoked"
    assert "fleet: " + here in d.log()


def test_what_the_fleet_has_is_not_imported(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value))
    assert d.ask(f'import token="{value}"').verdict == "ERR exists"
    assert d.ask(f"import digest={digest_of(value).hex()}").verdict == "ERR exists"
    assert len(d.list()) == 1


def test_a_ban_of_this_host_holds_for_the_fleet(daemon):
    d, feed = fleet_daemon(daemon)
    before, after, later = values(3)
    feed.bring(put(before))
    d.done(f'ban token="{before}"')
    d.done(f'ban token="{after}"')
    feed.bring(put(after), put(later))
    feed.lease()
    assert [d.verify(v) for v in (before, after, later)] == ["NO revoked", "NO revoked", "OK"]
    d.restart()
    feed.again()
    feed.lease()
    assert [d.verify(v) for v in (before, after, later)] == ["NO revoked", "NO revoked", "OK"]


def test_uses_are_listed_once(daemon):
    d, feed = fleet_daemon(daemon)
    used, idle, local = *values(2), d.create()["token"]
    feed.bring(put(used), put(idle))
    feed.lease()
    assert feed.done("fleet touched").data == []
    for value in used, local:
        assert d.ask(f"verify {value}", "verify").verdict == "OK"
    assert [line["digest"] for line in feed.done("fleet touched").lines] == [digest_of(used).hex()]
    first = feed.done("fleet touched limit=1")
    assert len(first.lines) <= 1 and ("next" not in first or feed.done(f"fleet touched after={first['next']}").data == [])
    assert d.done(f"show {id_of(used)}").lines[0]["used"]


def test_nothing_is_there_on_a_host_without_a_fleet(daemon):
    d, feed = fleet_daemon(daemon)
    value = value_new()
    feed.bring(put(value))
    feed.lease()
    assert d.verify(value) == "OK"
    d.stop()
    d.roles = ("admin", "observe", "verify")
    d.clients = {}
    d.start()
    assert d.verify(value) == "NO unknown" and "this host is in no fleet" in d.log()
    assert not [name for name in d.stats() if name.startswith("fleet_")]
    assert d.list() == []
    d.stop()
    d.roles = (*d.roles, "fleet")
    d.start()
    feed.again()
    feed.lease()
    assert d.verify(value) == "OK"


def test_a_role_that_is_not_the_fleets_brings_nothing(daemon):
    d, _ = fleet_daemon(daemon)
    for role in "admin", "observe", "verify":
        for line in "fleet place", "fleet begin place=none", put(value_new()), drop(value_new()):
            assert d.ask(line, role).verdict == "ERR forbidden"
