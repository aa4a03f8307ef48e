# SPDX-License-Identifier: Apache-2.0
"""What each role may do in the fleet's database, all that there is in its schema, and no more; and what hosts cannot learn."""
import pytest

from fleet_postgres import deny, digest_of, feed, put
from libpq import DatabaseError

PUBLIC, HOST, ISSUER, MONITOR = "nobody", "host", "issuer", "monitor"
VIEWS = {"feed": {HOST, ISSUER}, "large": {HOST, ISSUER}, "snapshot": {HOST, ISSUER}, "hosts": {HOST, ISSUER, MONITOR}, "health": {MONITOR}}
FUNCTIONS = dict.fromkeys(("poll", "confirm", "place", "horizon", "seen", "confirmed", "touch", "deny", "stamp", "denial"), {HOST, ISSUER}) | {"put": {ISSUER}}
ROLES = (PUBLIC, HOST, ISSUER, MONITOR)


@pytest.fixture
def fleet(fleet_database):
    """With a role of each kind; `nobody` may log in and is let into the database."""
    fleet_database.join(HOST, "web")
    fleet_database.join(ISSUER, "web", issuer=True)
    for role in PUBLIC, MONITOR:
        if not fleet_database.admin.ask("select from pg_roles where rolname = $1", role):
            fleet_database.admin.run(f"create role {role} login")
    fleet_database.admin.run("grant jeton_monitor to monitor")
    return fleet_database


def test_each_role_has_the_rights_that_are_written_here_to_relations(fleet):
    """Every relation and privilege of the schema: what is new gets nobody's rights, or a row here."""
    found = fleet.admin.ask("""
        select r, c.relname, p from pg_class c, unnest($1::text[]) r, unnest($2::text[]) p
        where c.relnamespace = 'jeton'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and has_table_privilege(r, c.oid, p)
        union all select r, c.relname || '.' || a.attname, p from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0,
             unnest($1::text[]) r, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) p
        where c.relnamespace = 'jeton'::regnamespace and c.relkind in ('r', 'p', 'v') and not has_table_privilege(r, c.oid, p)
          and has_column_privilege(r, c.oid, a.attnum, p)""", ROLES, ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"])
    assert set(found) == {(role, view, "SELECT") for view, roles in VIEWS.items() for role in roles}


def test_each_role_has_the_rights_that_are_written_here_to_functions(fleet):
    found = fleet.admin.ask("""select distinct r, p.proname from pg_proc p, unnest($1::text[]) r
        where p.pronamespace = 'jeton'::regnamespace and has_function_privilege(r, p.oid, 'EXECUTE')""", ROLES)
    assert set(found) == {(role, function) for function, roles in FUNCTIONS.items() for role in roles}


def test_each_role_has_the_rights_that_are_written_here_to_schema_and_database(fleet):
    found = fleet.admin.ask("""select r, k, p from unnest($1::text[]) r, (values ('schema', 'USAGE'), ('schema', 'CREATE'), ('public', 'CREATE'),
        ('database', 'CREATE'), ('database', 'TEMP'), ('database', 'CONNECT')) x(k, p) where case k when 'schema' then has_schema_privilege(r, 'jeton', p)
        when 'public' then has_schema_privilege(r, 'public', p) else has_database_privilege(r, current_database(), p) end""", ROLES)
    assert set(found) == {(role, *what) for role in (HOST, ISSUER, MONITOR) for what in (("schema", "USAGE"), ("database", "CONNECT"))}
    with pytest.raises(DatabaseError, match="permission denied for database"):
        fleet.connect(PUBLIC)


def test_functions_with_the_rights_of_the_owner_pin_where_they_look(fleet):
    loose = fleet.admin.ask("""select proname from pg_proc where pronamespace = 'jeton'::regnamespace and (prosecdef or prolang <> 14)
        and not coalesce(proconfig, '{}') @> '{"search_path=jeton, pg_temp"}'""")
    assert loose == []
    owners = fleet.admin.ask("""select distinct pg_get_userbyid(o) from (select proowner from pg_proc where pronamespace = 'jeton'::regnamespace
        union select relowner from pg_class where relnamespace = 'jeton'::regnamespace) x(o)""")
    assert owners == [("jeton_owner",)]
    assert fleet.admin.row("select rolcanlogin, rolsuper, rolcreaterole, rolbypassrls, rolcreatedb, rolreplication from pg_roles where rolname = 'jeton_owner'") \
        == (False,) * 6
    open_views = fleet.admin.ask("""select relname from pg_class where relnamespace = 'jeton'::regnamespace and relkind = 'v'
        and not coalesce(reloptions, '{}') @> '{security_barrier=true}' and relname <> 'health'""")
    assert open_views == []


def test_tables_cannot_be_read_written_or_locked(fleet):
    tables = fleet.admin.ask("select relname from pg_class where relnamespace = 'jeton'::regnamespace and relkind in ('r', 'p')")
    statements = ("select * from {}", "select count(*) from {}", "copy {} to stdout", "insert into {} default values", "delete from {}", "truncate {}",
                  "lock {} in access share mode", "lock {} in exclusive mode", "alter table {} rename to x", "drop table {}")
    for role in HOST, ISSUER, MONITOR:
        session = fleet.connect(role)
        for (table,) in tables:
            for statement in statements:
                session.run("begin")
                assert session.refusal(statement.format(f"jeton.{table}")).sqlstate == "42501", (role, statement, table)
                session.run("rollback")


def test_views_cannot_be_written_or_locked_against_writers(fleet):
    session = fleet.connect(HOST)
    for view in "feed", "large", "snapshot", "hosts":
        for statement in (f"delete from jeton.{view}", f"select * from jeton.{view} for update", f"select * from jeton.{view} for share",
                          f"select * from jeton.{view} for key share"):
            assert session.refusal(statement).sqlstate in ("42501", "55000", "0A000")
        for mode in "row share", "row exclusive", "share", "exclusive", "access exclusive":
            session.run("begin")
            assert session.refusal(f"lock jeton.{view} in {mode} mode").sqlstate == "42501", mode
            session.run("rollback")


def test_a_host_takes_no_locks_and_fills_no_disk_by_what_postgresql_lets_everybody_do(fleet):
    """The table of locks is one for all: who fills it stops the writers, and the beats of all hosts."""
    other = fleet.connect(ISSUER)
    for role in HOST, ISSUER, MONITOR:
        session = fleet.connect(role) if role != ISSUER else other
        for call in ("count(pg_advisory_lock(g)) from generate_series(1, 100000) g", "pg_advisory_xact_lock_shared(1, 2)", "pg_try_advisory_lock(1)",
                     "lo_create(0)", "lo_creat(0)", "lo_from_bytea(0, 'x')", "pg_logical_emit_message(false, 'x', 'x')",
                     "pg_logical_emit_message(true, 'x', 'x'::bytea)"):
            assert session.refusal(f"select {call}").sqlstate == "42501", (role, call)
    put(other, digest_of(1))
    assert other.row("select * from jeton.poll(null, null)")


def test_objects_of_an_attacker_are_not_found_by_the_functions(fleet):
    """An admin has let the host make things: schemas, temporary tables, operators."""
    fleet.admin.run(f'grant create, temporary on database "{fleet.name}" to host')
    host, issuer = fleet.connect(HOST), fleet.connect(ISSUER)
    put(issuer, digest_of(1))
    host.run("""create schema evil;
        create temp table member (host text, grp text); insert into member values ('host', 'db');
        create temp table token (like member); create temp table change (serial bigint, nonce uuid);
        create function evil.word(text) returns text language sql as 'select ''evil''';
        create function evil.take_turn() returns void language plpgsql as 'begin raise exception ''evil''; end';
        create function evil.lower(text) returns text language plpgsql as 'begin raise exception ''evil''; end';
        create function evil.any_equal(text, text) returns bool language plpgsql as 'begin raise exception ''evil''; end';
        create operator evil.= (leftarg = text, rightarg = text, function = evil.any_equal);
        create function evil.now() returns timestamptz language plpgsql as 'begin raise exception ''evil''; end';
        set search_path = pg_temp, evil, jeton, pg_catalog""")
    assert host.refusal("select jeton.deny('revoke', $1, 'db', 0)", [digest_of(1)]).sqlstate == "J0002"
    serial, _ = deny(host, digest_of(1))
    assert feed(host, serial)[0][2] == "revoke"
    host.ask("select * from jeton.poll(null, null)")
    host.ask("select jeton.seen(1, gen_random_uuid(), 'x', 1, 1, '')")
    host.ask("select jeton.touch($1, $2)", [digest_of(1)], [1])
    host.ask("select * from jeton.confirmed(1, 'web')")


def test_other_groups_are_invisible(fleet):
    secret = bytes.fromhex("5ec4e7" * 10 + "5ec4")
    other = fleet.join("other", "db", issuer=True)
    place = put(other, secret, group="db", subject="SECRET", description="SECRET")
    deny(other, secret, group="db")
    host, issuer = fleet.connect(HOST), fleet.connect(ISSUER)
    host.run("set client_min_messages = debug5")
    seen = []
    for session in host, issuer:
        seen += [feed(session), session.ask("select * from jeton.snapshot"), session.ask("select * from jeton.place()"), session.ask("select * from jeton.place(1)"),
                 session.ask("select * from jeton.hosts"), session.ask("select * from jeton.poll(1, null)")]
        assert session.refusal("select * from jeton.confirmed(1, 'db')").sqlstate == "J0002"
        assert session.refusal("select jeton.deny('revoke', $1, 'db', 0)", [secret]).sqlstate == "J0002"
        assert session.value("select jeton.touch($1, $2)", [secret], [1700000000]) == 0
    assert [row[3:] for row in feed(host, place[0])] == [(None, None)] * 2
    # Guessed: the same answer as of what is not there.
    answers = [host.refusal("select jeton.deny('revoke', $1, 'web', 0)", [digest]) for digest in (secret, digest_of(9))]
    assert len({(error.sqlstate, error.message) for error in answers}) == 1
    assert answers[0].detail == secret.hex() and answers[1].detail == digest_of(9).hex()
    with pytest.raises(DatabaseError) as refusal:
        put(issuer, secret)
    seen += [refusal.value.message, refusal.value.detail, host.notices, issuer.notices]
    # What an expression that fails on each row would tell.
    for view in "feed", "snapshot":
        host.run("set client_min_messages = notice")
        rows = host.ask(f"select count(*) from jeton.{view} where 1 / (case when digest = $1 then 0 else 1 end) = 1", secret)
        assert rows
    assert "5ec4e7" not in repr(seen).lower() and "SECRET" not in repr(seen) and "'other'" not in repr(seen) and "other" not in repr(seen[4])


def test_a_leaky_function_sees_only_what_its_caller_may(fleet):
    """It is cheap and not leakproof: without the barrier the planner would call it first, on each row."""
    other = fleet.join("other", "db", issuer=True)
    put(other, digest_of(7), group="db", description="SECRET")
    fleet.admin.run(f'grant create on database "{fleet.name}" to host')
    host = fleet.connect(HOST)
    host.run("""create schema evil; create function evil.tell(bytea, text) returns bool cost 0.0000001 language plpgsql as
        'begin raise notice ''% %'', $1, $2; return true; end'""")
    host.ask("select * from jeton.feed where evil.tell(digest, claims)")
    host.ask("select * from jeton.snapshot where evil.tell(digest, claims)")
    assert host.notices and "SECRET" not in repr(host.notices) and digest_of(7).hex() not in repr(host.notices)


def test_a_host_that_left_can_do_nothing_and_its_sessions_are_ended(fleet):
    session = fleet.connect(HOST)
    put(fleet.connect(ISSUER), digest_of(1))
    fleet.admin.ask("select jeton.leave('host')")
    with pytest.raises(DatabaseError):
        session.ask("select 1")
    with pytest.raises(DatabaseError, match="not permitted to log in"):
        fleet.connect(HOST)
    assert fleet.admin.ask("select grp from jeton.member where host = 'host'") == []
    assert fleet.admin.refusal("select jeton.leave('host')").sqlstate == "J0007"


def test_a_session_of_a_role_that_was_dropped_can_do_nothing(fleet):
    session = fleet.join("gone", "web")
    put(fleet.connect(ISSUER), digest_of(1))
    fleet.admin.run("delete from jeton.member where host = 'gone'")
    fleet.cluster.drop_role("gone")
    for statement in "select * from jeton.snapshot", "select * from jeton.poll(null, null)", "select jeton.horizon()":
        with pytest.raises(DatabaseError):
            session.ask(statement)


def test_a_host_has_two_connections_and_not_three(fleet):
    fleet.join("busy", "web")
    fleet.connect("busy")
    with pytest.raises(DatabaseError, match="too many connections for role"):
        fleet.connect("busy")


def test_a_name_that_is_no_hosts_cannot_join(fleet_database):
    for name in "postgres", "pg_x", "jeton_owner", "jeton_host", "", "a b", "é", 'x"; drop table x', "-x", "x" * 64, None:
        assert fleet_database.admin.refusal("select jeton.join($1, '{web}', false)", name).sqlstate == "J0008", name


def test_a_host_may_not_let_others_join(fleet):
    session = fleet.connect(ISSUER)
    for statement in ("select jeton.join('x', '{web}', true)", "select jeton.leave('host')", "select jeton.trim('90 days')", "select jeton.take_turn()",
                      "select jeton.next_serial(1)", "select jeton.write_groups('host')", "select jeton.make_partition(9)",
                      "set role jeton_owner", "grant jeton_issuer to host", "set session authorization other"):
        assert session.refusal(statement).sqlstate in ("42501", "22023"), statement


def test_an_issuer_that_joins_again_as_none_may_not_put(fleet):
    session = fleet.join("issuer", "web")
    with pytest.raises(DatabaseError) as refusal:
        put(session, digest_of(1))
    assert refusal.value.sqlstate == "42501"
    assert session.refusal("select jeton.deny('disable', $1, 'web', 0)", [digest_of(1)]).sqlstate == "J0006"


def test_who_reads_and_stays_stops_no_writer_nor_new_partition(fleet):
    """A transaction that holds a snapshot and all locks that a host can have; then the first million serials are used up."""
    reader, issuer = fleet.connect(HOST), fleet.connect(ISSUER)
    put(issuer, digest_of(1))
    reader.run("begin isolation level repeatable read")
    feed(reader)
    reader.ask("select * from jeton.snapshot")
    reader.run("lock jeton.feed, jeton.snapshot, jeton.hosts in access share mode")
    fleet.admin.run("insert into jeton.change (serial, event) values (999998, 'skip')")
    issuer.run("set statement_timeout = '20s'")
    serials = [put(issuer, digest_of(number))[0] for number in range(2, 6)]
    assert serials == [999999, 1000000, 1000001, 1000002]
    assert [row[0] for row in feed(issuer, 999998)] == [999998, *serials]
    assert fleet.admin.value("select to_regclass('jeton.change_2') is not null"), "a partition ahead"
    assert len(feed(reader)) < 10
