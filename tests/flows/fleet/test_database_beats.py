# SPDX-License-Identifier: Apache-2.0
"""Beats: what leases are dated by.  Nobody waits for another's, and no host can stop or feign them for all."""
import threading

import pytest

from fleet_postgres import FleetDatabase, deny, digest_of, feed, put
from libpq import DatabaseError
from postgres import Cluster, need_postgresql
from waiting import eventually

POLL = "select schema_version, newest, beat_age_ms, beat, known from jeton.poll($1, $2)"


def poll(session, place=(None, None)):
    """Return (beat_age_ms, beat)."""
    return session.row(POLL, *place)[2:4]


def age_of(session, place):
    """Return the age of the beat for this place, and make none."""
    session.run("begin read only")
    age, beat = poll(session, place)
    session.run("commit")
    assert beat is None
    return age


def make_older(fleet, seconds):
    """Let all beats be so much older."""
    fleet.admin.ask("update jeton.beat set time = time - $1::interval, confirmed = confirmed - $1::interval", f"{seconds} s")


def one_slot(fleet):
    """Keep all slots but the first locked, as the others are used by and by; return what ends that."""
    session = fleet.connect()
    session.run("begin; select from jeton.beat where slot > 0 for update")
    return session.close


def confirmed_beat(session, place):
    _, beat = poll(session, place)
    assert session.value("select jeton.confirm($1)", beat) is True
    return beat


@pytest.fixture
def fleet(fleet_database):
    """With two hosts, whose place is `place`."""
    fleet_database.one, fleet_database.two = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "web")
    fleet_database.place = put(fleet_database.one, digest_of(1))
    return fleet_database


def test_a_beat_is_due_each_second_and_counts_when_it_is_confirmed(fleet):
    age, beat = poll(fleet.one, fleet.place)
    assert age is None and beat is not None
    assert poll(fleet.one, fleet.place) == (None, None), "its own waits to be confirmed"
    assert fleet.one.value("select jeton.confirm($1)", beat) is True
    age, again = poll(fleet.two, fleet.place)
    assert 0 <= age < 1000 and again is None
    make_older(fleet, 1.5)
    age, again = poll(fleet.two, fleet.place)
    assert 1500 <= age < 3000 and again > beat
    assert poll(fleet.one, fleet.place)[0] >= 1500, "one that is not confirmed makes no lease longer"
    assert fleet.two.value("select jeton.confirm($1)", again) is True
    assert poll(fleet.one, fleet.place)[0] < 1000


def test_who_polls_names_the_schema_and_the_newest_change(fleet):
    assert fleet.two.row(POLL, *fleet.place)[:2] == (1, fleet.place[0])
    put(fleet.one, digest_of(2))
    version, newest, _, _, known = fleet.two.row(POLL, *fleet.place)
    assert (version, newest, known) == (1, fleet.place[0] + 1, True)


def test_a_place_of_another_history_gets_no_age_of_a_beat(fleet):
    confirmed_beat(fleet.one, fleet.place)
    serial, nonce = fleet.place
    for wrong in (None, None), (serial, "0" * 32), (serial + 1, nonce), (serial - 1, nonce):
        assert age_of(fleet.two, wrong) is None and fleet.two.row(POLL, *wrong)[4] is False, wrong
        assert age_of(fleet.two, fleet.place) is not None


def test_an_empty_database_is_the_place_none(fleet_database):
    fleet_database.join("one", "web")
    fleet_database.admin.run("delete from jeton.change")
    session = fleet_database.connect("one")
    assert session.row(POLL, None, None)[1::3] == (0, True)


def test_only_the_host_that_made_a_beat_confirms_it(fleet):
    _, beat = poll(fleet.one, fleet.place)
    for session, number in (fleet.two, beat), (fleet.one, beat + 1), (fleet.one, 0), (fleet.one, None):
        assert session.value("select jeton.confirm($1)", number) is False
    assert poll(fleet.two, fleet.place)[0] is None
    assert fleet.one.value("select jeton.confirm($1)", beat) is True


def test_nobody_waits_beside_the_open_transaction_of_another_host(fleet):
    confirmed_beat(fleet.one, fleet.place)
    make_older(fleet, 1.2)
    unlock = one_slot(fleet)
    fleet.one.run("begin")
    assert poll(fleet.one, fleet.place)[1] is not None
    for session in (fleet.two, fleet.admin):
        session.run("set statement_timeout = '10s'")
    age, beat = poll(fleet.two, fleet.place)
    assert age >= 1200 and beat is None
    make = fleet.two.value("select jeton.seen($1, $2, '1', 1, 0, null)", *fleet.place)
    assert make == ""
    unlock()
    # The other keeps its slot locked: after 2 s without a confirmed beat there is a second one.
    fleet.one.run("rollback; begin")
    make_older(fleet, 1)
    assert poll(fleet.one, fleet.place)[1] is not None
    age, beat = poll(fleet.two, fleet.place)
    assert age >= 2000 and beat is not None
    assert fleet.two.value("select jeton.confirm($1)", beat) is True
    assert poll(fleet.two, fleet.place)[0] < age
    fleet.one.run("rollback")


def test_a_host_that_never_confirms_stops_nobodys_beats(fleet):
    confirmed_beat(fleet.two, fleet.place)
    made = 0
    for _ in range(6):
        make_older(fleet, 1.1)
        made += sum(poll(fleet.one, fleet.place)[1] is not None for _ in range(3))
    assert 1 <= made <= 6
    slots = fleet.admin.value("select count(*) from jeton.beat where host = 'one'")
    assert slots == 1
    age, beat = poll(fleet.two, fleet.place)
    assert age > 6000 and beat is not None
    assert fleet.two.value("select jeton.confirm($1)", beat) is True
    assert poll(fleet.one, fleet.place)[0] < 1000


def test_a_transaction_that_has_written_or_only_reads_makes_no_beat(fleet):
    fleet.one.run("begin")
    deny(fleet.one, digest_of(1))
    assert poll(fleet.one, fleet.place)[1] is None
    fleet.one.run("rollback")
    fleet.one.run("begin read only")
    assert poll(fleet.one, fleet.place)[1] is None
    fleet.one.run("commit")
    assert poll(fleet.one, fleet.place)[1] is not None


def test_a_beat_of_the_future_dates_nothing_and_the_next_one_does(fleet):
    """The server's clock was set back by an hour."""
    confirmed_beat(fleet.one, fleet.place)
    make_older(fleet, -3600)
    age, beat = poll(fleet.two, fleet.place)
    assert age is None and beat is not None
    assert poll(fleet.one, fleet.place)[0] is None
    assert fleet.two.value("select jeton.confirm($1)", beat) is True
    assert 0 <= poll(fleet.one, fleet.place)[0] < 1000


def test_reports_and_confirmations_wait_for_no_standby_but_changes_do(fleet):
    for statement, setting in (("select jeton.seen(1, null, '', 0, 0, null)", "off"), ("select jeton.confirm(1)", "off"), ("select jeton.touch('{}', '{}')", "off"),
                               ("select jeton.deny('revoke', array[decode(repeat('00', 31) || '01', 'hex')], 'web', 0); " + "select jeton.seen(1, null, '', 0, 0, null)", "on")):
        fleet.one.run(f"begin; {statement}")
        assert fleet.one.value("show synchronous_commit") == setting, statement
        fleet.one.run("commit")
    for setting, becomes in ("off", "on"), ("local", "on"), ("remote_apply", "remote_apply"), ("remote_write", "remote_write"):
        fleet.one.run(f"set synchronous_commit = {setting}; begin")
        deny(fleet.one, digest_of(1))
        assert fleet.one.value("show synchronous_commit") == becomes
        fleet.one.run("commit")


@pytest.fixture
def pair():
    """A fleet's database of its own, with a synchronous standby."""
    need_postgresql()
    with Cluster() as cluster, FleetDatabase(cluster) as fleet:
        fleet.one, fleet.two = fleet.join("one", "web", issuer=True), fleet.join("two", "web")
        fleet.place = put(fleet.one, digest_of(1))
        confirmed_beat(fleet.one, fleet.place)
        fleet.standby = cluster.standby()
        yield fleet


def in_thread(call):
    """Start the call, and return a function that waits for its end and returns what it gave."""
    result = []
    thread = threading.Thread(target=lambda: result.append(call()))
    thread.start()

    def finish():
        thread.join(30)
        return result[0]
    return finish


def cancelled(fleet, session, call):
    """Make the call, and cancel it while it waits for the standby; return what it gave, and its warnings."""
    del session.notices[:]
    finish = in_thread(call)
    eventually(lambda: fleet.admin.value("select count(*) from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'", session.pid), "it waits for the standby")
    assert fleet.admin.value("select pg_cancel_backend($1)", session.pid)
    return finish(), session.notices


def test_a_cancelled_wait_for_the_standby_is_a_warning_and_not_confirmed_and_a_retry_after_failover_is(pair):
    """The change is committed and visible, and is lost by the failover; its serial is used again, by another nonce."""
    pair.standby.cut_off()
    lost, warnings = cancelled(pair, pair.one, lambda: deny(pair.one, digest_of(1)))
    assert [code for code, _ in warnings] == ["01000"] and "synchronous replication" in warnings[0][1]
    assert feed(pair.two, lost[0])[0][:2] == lost, "visible here"
    make_older_on_isolated(pair)
    # A beat that was not replicated: nobody's lease is dated by it, though its maker claims that it was.
    (age, beat), warnings = cancelled(pair, pair.one, lambda: poll(pair.one, lost))
    assert warnings and warnings[0][0] == "01000" and beat is not None
    assert pair.one.value("select jeton.confirm($1)", beat) is False
    assert age_of(pair.two, lost) >= 1500
    pair.cluster.kill()
    pair.standby.promote()
    pair.standby.require_standby("")
    with pair.standby.connect(pair.name, "one") as one:
        assert one.value("select state from jeton.snapshot") == "active", "the change is lost"
        assert poll(one, lost)[0] is None, "no lease for who is elsewhere"
        assert one.ask("select * from jeton.place($1)", lost[0]) == []
        again = deny(one, digest_of(1))
        assert again[0] == lost[0] and again[1] != lost[1], "the same serial, another place"
        assert feed(one, lost[0])[0][:2] != lost
        assert one.ask("select serial, nonce from jeton.place($1)", pair.place[0]) == [pair.place], "the newest common place"
        assert poll(one, lost)[0] is None and one.row(POLL, *again)[4] is True


def make_older_on_isolated(pair):
    """Time passes: the newest beat is due again.  No commit of ours may wait for the standby."""
    pair.admin.run("set synchronous_commit = local")
    make_older(pair, 1.5)


def test_an_isolated_primary_answers_while_its_beats_age_and_a_writer_that_is_killed_there_gets_no_answer(pair):
    pair.standby.cut_off()
    make_older_on_isolated(pair)
    unlock = one_slot(pair)
    stuck = in_thread(lambda: poll(pair.one, pair.place))
    eventually(lambda: pair.admin.value("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), "a beat waits for the standby")
    pair.two.run("set statement_timeout = '10s'")
    first, beat = poll(pair.two, pair.place)
    assert first >= 1500 and beat is None, "who polls besides does not wait"
    assert feed(pair.two, pair.place[0])[0][:2] == pair.place
    unlock()
    pair.standby.join_again()
    _, beat = stuck()
    assert pair.one.value("select jeton.confirm($1)", beat) is True
    assert age_of(pair.two, pair.place) < first
    pair.standby.cut_off()

    def write():
        with pytest.raises(DatabaseError):
            deny(pair.one, digest_of(1))
        return True
    killed = in_thread(write)
    eventually(lambda: pair.admin.value("select count(*) from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'", pair.one.pid), "it waits for the standby")
    pair.admin.ask("select pg_terminate_backend($1)", pair.one.pid)
    assert killed()
