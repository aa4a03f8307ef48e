# SPDX-License-Identifier: Apache-2.0
"""The fleet's database over years: partitions, the horizon, tombstones, later schemas, and plans that stay good."""
import time

from fleet_postgres import NOW, deny, digest_of, feed, put
from postgres import migrations
from settings import scaled

OLD = "clock_timestamp() - interval '91 days'"


def age_first_partition(fleet):
    """Let the first million changes be old and used up, and return the serial of the next change."""
    fleet.admin.run(f"insert into jeton.change (serial, event) values (999999, 'skip'); update jeton.change set time = {OLD}")
    return 1000000


def test_trimming_drops_what_is_older_and_moves_the_horizon(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    early = put(session, digest_of(1))
    following = age_first_partition(fleet_database)
    assert put(session, digest_of(2))[0] == following
    assert session.value("select jeton.horizon()") == 1
    assert fleet_database.admin.value("select jeton.trim('90 days')") == following == session.value("select jeton.horizon()")
    assert session.ask("select * from jeton.place($1)", early[0]) == []
    assert session.row("select beat_age_ms, known from jeton.poll($1, $2)", *early) == (None, False)
    assert [row[0] for row in feed(session)] == [following]
    assert {row[0] for row in session.ask("select digest from jeton.snapshot")} == {digest_of(1), digest_of(2)}
    assert put(session, digest_of(3))[0] == following + 1


def test_trimming_keeps_what_is_younger_and_the_newest_change_whatever_its_age(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    newest = put(session, digest_of(1))
    fleet_database.admin.run(f"update jeton.change set time = {OLD}")
    assert fleet_database.admin.value("select jeton.trim('90 days')") == 1
    assert session.row("select * from jeton.place()") == newest
    following = age_first_partition(fleet_database)
    put(session, digest_of(2))
    fleet_database.admin.run("update jeton.change set time = clock_timestamp() where serial = 999999")
    assert fleet_database.admin.value("select jeton.trim('90 days')") == 1
    assert session.row("select serial from jeton.place()") == (following,)
    assert fleet_database.admin.refusal("select jeton.trim('23 hours')").sqlstate == "J0008"
    assert fleet_database.admin.refusal("select jeton.trim(null)").sqlstate == "J0008"


def test_trimming_forgets_old_tombstones_and_no_denial(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    for number in range(5):
        put(session, digest_of(number))
    session.ask("select jeton.touch($1, $2)", [digest_of(0), digest_of(1)], [1700000000, 1700000000])
    deny(session, digest_of(0), event="delete")
    deny(session, digest_of(1), event="revoke")
    deny(session, digest_of(2), event="disable")
    deny(session, digest_of(9), event="revoke")
    fleet_database.admin.run(f"update jeton.token set changed = {OLD}")
    deny(session, digest_of(3), event="delete")
    fleet_database.admin.ask("select jeton.trim('90 days')")
    left = dict(fleet_database.admin.ask("select digest, state from jeton.token"))
    assert left == {digest_of(1): "revoked", digest_of(2): "disabled", digest_of(9): "revoked", digest_of(3): "deleted", digest_of(4): "active"}
    assert fleet_database.admin.ask("select digest from jeton.used") == [(digest_of(1),)]


def test_trimming_gives_up_beside_a_reader_and_stops_no_writer(fleet_database):
    session, reader = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "web")
    put(session, digest_of(1))
    following = age_first_partition(fleet_database)
    put(session, digest_of(2))
    reader.run("begin isolation level repeatable read")
    before = feed(reader)
    assert fleet_database.admin.refusal("select jeton.trim('90 days')").sqlstate == "55P03"
    assert put(session, digest_of(3))[0] == following + 1
    assert feed(reader) == before
    reader.run("commit")
    assert fleet_database.admin.value("select jeton.trim('90 days')") == following


def test_a_file_of_the_schema_that_is_run_again_changes_nothing(fleet_database):
    session = fleet_database.join("one", "web", issuer=True)
    place = put(session, digest_of(1))
    for path in migrations():
        with open(path, encoding="utf-8") as file:
            try:
                fleet_database.admin.run(f"begin;{file.read()};commit")
                raise AssertionError("run twice")
            except Exception as error:
                assert getattr(error, "sqlstate", None) == "42P06", error
        fleet_database.admin.run("rollback")
    assert session.row("select schema_version, newest from jeton.poll($1, $2)", *place) == (len(migrations()), place[0])


def test_a_session_of_this_schema_goes_on_under_the_next_one(fleet_database):
    """The next version adds: a column, a kind of function, a row of its version."""
    session = fleet_database.join("one", "web", issuer=True)
    place = put(session, digest_of(1))
    session.run("prepare poll as select schema_version, newest, beat_age_ms, beat from jeton.poll($1, $2);"
                "prepare feed as select serial, nonce, event, digest, claims from jeton.feed where serial >= $1 order by serial limit $2")
    session.run(f"execute feed({place[0]}, 10)")
    version = len(migrations())
    fleet_database.admin.run(f"""begin; set local role jeton_owner;
        alter table jeton.change add column reason text; alter table jeton.token add column reason text;
        create or replace view jeton.feed with (security_barrier) as {fleet_database.admin.value("select pg_get_viewdef('jeton.feed'::regclass)").rstrip(';')};
        insert into jeton.version (version, name) values ({version + 1}, 'reason'); reset role; commit""")
    assert session.run(f"execute poll({place[0]}, '{place[1]}')")[0][:2] == (version + 1, place[0])
    assert [row[0] for row in session.run(f"execute feed({place[0]}, 10)")] == [place[0]]
    assert put(session, digest_of(2))[0] == place[0] + 1
    assert deny(session, digest_of(2))[0] == place[0] + 2
    assert len(session.ask("select digest, claims from jeton.snapshot")) == 2


def fill(fleet, count, after=10):
    """Put so many tokens there at once, and changes of them, as bulk loads leave them: without statistics."""
    fleet.admin.ask("""insert into jeton.token (digest, grp, state, known, created, origin, words)
        select sha256(i::text::bytea), 'web', 'active', true, $2, 'one', 'group=web created=2027-01-15T08:00:00Z origin=one' from generate_series(1, $1::int) i""",
                    count, NOW)
    fleet.admin.ask("""insert into jeton.change (serial, event, digest, grp, claims)
        select i + $2::int, 'import', sha256(i::text::bytea), 'web', 'state=active group=web' from generate_series(1, $1::int) i""", count, after)


def plan(session, statement):
    return "\n".join(line for (line,) in session.ask(f"explain {statement}"))


def is_range_scan(shown):
    return "Index Scan using change_0_pkey on change_0" in shown and "Sort" not in shown and "Seq Scan on change" not in shown and "token" not in shown


def test_the_feed_is_a_range_scan_of_changes_also_before_there_are_statistics(fleet_database):
    """A plan that was kept from when the table was empty would read all of it, for each page and host, until its first statistics."""
    fleet_database.admin.run("alter table jeton.change_0 set (autovacuum_enabled = off)")
    session = fleet_database.join("one", "web")
    session.run("prepare page as select serial, nonce, event, digest, claims from jeton.feed where serial >= $1 order by serial limit $2")
    for _ in range(7):
        session.run("execute page(1, 5001)")
    fill(fleet_database, 20000)
    for statement in "execute page(15000, 5001)", "select * from jeton.feed where serial >= 15000 order by serial limit 5001":
        assert is_range_scan(shown := plan(session, statement)) and "Index Cond: (serial >= " in shown, shown
        assert shown.count("Index Cond: (host = SESSION_USER)") == 2, "the groups of the host, and not all members"
    fleet_database.admin.run("analyze jeton.change_0; analyze jeton.token")
    assert is_range_scan(shown := plan(session, "execute page(15000, 5001)")), shown


def test_functions_read_no_whole_table(fleet_database):
    """Also not by plans from when it was empty: what is read in all is counted."""
    for table in "change_0", "change_1", "token":
        fleet_database.admin.run(f"alter table jeton.{table} set (autovacuum_enabled = off)")
    session = fleet_database.join("one", "web", issuer=True)
    place = put(session, digest_of(1))

    def call_all():
        session.row("select * from jeton.poll($1, $2)", *place)
        session.ask("select * from jeton.place()")
        session.ask("select * from jeton.place(7)")
        session.ask("select jeton.horizon()")
        session.ask("select jeton.seen($1, $2, '', 0, 0, null)", *place)
        put(session, digest_of(1), "update")
        deny(session, digest_of(1))
        session.ask("select jeton.touch($1, $2)", [digest_of(1)], [1])
    for _ in range(7):
        call_all()
    fill(fleet_database, 20000, after=1000)
    count = "select coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0)::bigint from pg_class where relname ~ '^(change_[01]|token)$' and relnamespace = 'jeton'::regnamespace"
    fleet_database.admin.run(f"create function public.counted() returns bigint language sql as $$ {count} $$; grant usage on schema public to public")
    session.run("begin")
    call_all()
    assert session.value("select public.counted()") < 1000
    session.run("rollback")
    fleet_database.admin.run("begin; select count(*) from jeton.token")
    assert fleet_database.admin.value("select public.counted()") >= 20000, "it counts"
    fleet_database.admin.run("rollback")


def test_revocations_in_hundred_statements_stay_as_fast_as_the_first(fleet_database):
    """A join with the whole table, once for each statement, would make it a matter of minutes."""
    session, count = fleet_database.join("one", "web"), scaled(20000, 2000)
    fill(fleet_database, count)
    digests = [digest for (digest,) in fleet_database.admin.ask("select digest from jeton.token")]
    batch, took = count // 20, []
    for at in range(0, count, batch):
        began = time.perf_counter()
        deny(session, *digests[at:at + batch])
        took.append(time.perf_counter() - began)
    print(f"{batch} revocations: first {took[0] * 1000:.0f} ms, median {sorted(took)[10] * 1000:.0f}, last {took[-1] * 1000:.0f}")
    assert sorted(took)[10] < 2
    assert fleet_database.admin.value("select count(*) from jeton.token where state = 'revoked'") == count
    rows = feed(session, count + 11)
    assert [row[0] for row in rows] == list(range(count + 11, count + 31)) and sorted(b"".join(row[3] for row in rows)) == sorted(b"".join(digests))
