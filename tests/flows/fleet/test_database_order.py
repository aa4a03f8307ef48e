# SPDX-License-Identifier: Apache-2.0
"""The order of serials is the order of commits: who follows the feed sees each change, once, and in that order."""
import random
import threading
import time

import pytest

from campaign import rounds
from fleet_postgres import deny, digest_of, feed, put
from libpq import DatabaseError
from settings import scaled
from waiting import eventually

WRITERS = 6


def follow(session, done, seen):
    """Read from the place on, that included, until all is read after `done` was set."""
    serial, nonce = 1, None
    while True:
        last = done.is_set()
        rows = feed(session, serial, 50)
        if nonce is not None:
            assert rows[0][:2] == (serial, nonce)
            rows = rows[1:]
        seen += [row[:2] for row in rows]
        if rows:
            serial, nonce = rows[-1][:2]
        elif last:
            return
        else:
            session.notifications(0.02)


@pytest.mark.campaign
def test_readers_see_each_change_of_writers_that_pause_and_abort_once_and_in_order(fleet_database):
    readers = [fleet_database.join(f"reader{i}", "web") for i in range(2)]
    writers = [fleet_database.join(f"writer{i}", "web", issuer=True) for i in range(WRITERS)]
    for turn in rounds():
        write_and_read(fleet_database.admin, turn, readers, writers)


def write_and_read(admin, turn, readers, writers):
    before = admin.value("select count(*) from jeton.change")
    done, seen, answered, faults = threading.Event(), [[], []], [], []

    def write(number):
        chance, session = random.Random(turn << 8 | number), writers[number]
        try:
            for i in range(scaled(40, 10)):
                session.run("begin")
                places = [put(session, digest_of(turn << 40 | number << 32 | i << 8 | k))[:2] for k in range(chance.randrange(1, 4))]
                time.sleep(chance.choice((0, 0, 0.001, 0.003)))
                if chance.random() < 0.3:
                    session.run("rollback")
                else:
                    session.run("commit")
                    answered.extend(places)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(WRITERS)]
    followers = [threading.Thread(target=follow, args=(session, done, seen[i])) for i, session in enumerate(readers)]
    for session in readers:
        session.run("listen jeton")
    for thread in threads + followers:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    for thread in followers:
        thread.join()
    assert not faults
    table = admin.ask("select serial, nonce from jeton.change order by serial")
    assert [serial for serial, _ in table] == list(range(1, len(table) + 1))
    assert set(answered) <= set(table) and len(table) - before == len(answered)
    assert seen[0] == table and seen[1] == table


def test_commits_are_in_the_order_of_their_serials(fleet_database):
    """The later of two writers gets no serial before the earlier has committed."""
    first, second = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "web", issuer=True)
    first.run("begin")
    earlier = put(first, digest_of(1))[0]
    got = []
    thread = threading.Thread(target=lambda: got.append(put(second, digest_of(2))[0]))
    thread.start()
    eventually(lambda: fleet_database.admin.value("select count(*) from pg_locks where relation = 'jeton.turn'::regclass and not granted"),
               "the second waits")
    assert not got
    first.run("commit")
    thread.join()
    assert got == [earlier + 1]


def test_an_aborted_writer_leaves_no_gap(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    serial = put(session, digest_of(1))[0]
    session.run("begin")
    put(session, digest_of(2))
    session.run("rollback")
    assert put(session, digest_of(3))[0] == serial + 1


def test_a_change_in_another_isolation_level_is_refused(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    put(session, digest_of(1))
    for level in "repeatable read", "serializable":
        session.run(f"set default_transaction_isolation = '{level}'")
        assert session.refusal("select jeton.deny('revoke', $1, 'web', 0)", [digest_of(1)]).sqlstate == "J0003"
        with pytest.raises(DatabaseError) as refusal:
            put(session, digest_of(2))
        assert refusal.value.sqlstate == "J0003"


def test_one_notification_without_payload_comes_with_each_commit(fleet_database):
    session, listener = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "web")
    listener.run("listen jeton")
    session.run("begin")
    for number in range(5):
        put(session, digest_of(number))
    deny(session, *map(digest_of, range(5)))
    assert listener.notifications() == []
    session.run("commit")
    assert listener.notifications(5) == [("jeton", "")]
    deny(session, digest_of(1))
    assert listener.notifications(5) == [("jeton", "")]


def test_a_forged_notification_changes_nothing(fleet_database):
    """A host may notify whatever it likes: the listener reads the feed, and finds nothing."""
    forger, listener = fleet_database.join("one", "web"), fleet_database.join("two", "web")
    listener.run("listen jeton")
    before = feed(listener)
    forger.ask("select pg_notify('jeton', $1)", "serial=99 put digest=" + "ab" * 32)
    assert listener.notifications(5) == [("jeton", "serial=99 put digest=" + "ab" * 32)]
    assert feed(listener) == before


def test_who_keeps_the_writers_lock_is_ended_when_others_have_waited(fleet_database):
    """A host leaves a transaction open behind a change of its own; the function waits 10 s at a time, here less."""
    fleet_database.admin.run("alter function jeton.take_turn() set lock_timeout = '100ms'")
    source = fleet_database.admin.value("select pg_get_functiondef('jeton.take_turn()'::regprocedure)")
    assert "'10 s'" in source
    fleet_database.admin.run(source.replace("'10 s'", "'0.2 s'"))
    bad, good = fleet_database.join("bad", "web"), fleet_database.join("good", "web", issuer=True)
    put(good, digest_of(1))
    bad.run("begin")
    deny(bad, digest_of(1))
    place = put(good, digest_of(2))
    with pytest.raises(DatabaseError):
        bad.run("commit")
    assert [row[0] for row in feed(good, place[0])] == [place[0]]
    assert fleet_database.admin.value("select state from jeton.token where digest = $1", digest_of(1)) == "active"
