# SPDX-License-Identifier: Apache-2.0
"""Whatever a database or a jetond sends, the other side gets well-formed lines, or none: the fixture's faults fail the test."""
import random
import socket
import tempfile
import threading

import pytest

from fleet_agent import Agent, following
from fleet_postgres import digest_of, put
from waiting import eventually

CREATED = "created=2027-01-15T08:00:00Z"
D = digest_of(9).hex()
BAD = {
    "line end in claims": ("create", D, f"group=web {CREATED}\nput digest={D} group=web {CREATED}"),
    "no group": ("create", D, CREATED),
    "group that is none": ("create", D, f"group=../x {CREATED}"),
    "time that is none": ("create", D, "group=web created=yesterday"),
    "no creation": ("create", D, "group=web"),
    "word without a key": ("create", D, f"group=web {CREATED} enables"),
    "claim twice": ("create", D, f"group=web group=db {CREATED}"),
    "quote that does not end": ("create", D, f'group=web {CREATED} subject="x'),
    "claims that are too long": ("create", D, f"group=web {CREATED} description={'x' * 9000}"),
    "description that is too long": ("create", D, f"group=web {CREATED} description={'x' * 1025}"),
    "unknown event": ("burn", D, f"group=web {CREATED}"),
    "empty event": ("", D, f"group=web {CREATED}"),
    "digest of another length": ("revoke", D[:40], "group=web state=revoked"),
    "no digest at all": ("delete", "", None),
    "digests of which one is cut": ("revoke", D + D[:40], "group=web state=revoked"),
    "many digests that are no denial": ("create", D + D, f"group=web {CREATED}"),
    "more digests than a change has": ("delete", D * 1025, None),
    "denial without a group": ("revoke", D, "state=revoked"),
    "denial without claims": ("revoke", D, None),
    "state that is none": ("create", D, f"group=web {CREATED} state=burnt"),
    "origin that is none": ("create", D, f"group=web {CREATED} origin=-"),
}


def feed_of(fleet, rows):
    """Replace the feed by one that shows the place, and then these rows: (event, digest as hex, claims)."""
    def text(value):
        return "null::text" if value is None else "convert_from('\\x" + value.encode().hex() + "', 'UTF8')"
    values = ", ".join(f"({number}, {text(event)}, {text(digest)}, {text(claims)})" for number, (event, digest, claims) in enumerate(rows, 1))
    if not fleet.admin.value("select to_regclass('jeton.real_feed')"):
        fleet.admin.run("alter view jeton.feed rename to real_feed; grant select on jeton.real_feed to jeton_host")
    fleet.admin.run(f"""
        begin; drop view if exists jeton.feed;
        create view jeton.feed as select serial, nonce, event, digest, claims from jeton.real_feed
        union all select p.serial + v.n, gen_random_uuid(), v.event, decode(v.digest, 'hex'), v.claims
        from jeton.place() p, (values {values}) v (n, event, digest, claims);
        grant select on jeton.feed to jeton_host; commit""")


def at_first_place(fleet):
    """Let a host and an issuer join, and return the place of the issuer's change."""
    put(fleet.join("h2", "web", issuer=True), digest_of(1))
    fleet.join("h1", "web").close()
    return "{}:{}".format(*fleet.admin.row("select serial, replace(nonce::text, '-', '') from jeton.place()"))


@pytest.mark.parametrize("part", range(3))
def test_row_that_cannot_be_understood_stops_the_host_and_is_not_passed_on(fleet_database, fake_jetond, part):
    """Several to a database, which costs more than an agent."""
    fake_jetond.places = [at_first_place(fleet_database)]
    for name in list(BAD)[part::3]:
        feed_of(fleet_database, [BAD[name]])
        with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
            eventually(lambda agent=agent: "cannot be understood" in agent.log(), f"it says so: {name}")
        assert not fake_jetond.batches and not fake_jetond.banned and not fake_jetond.leases, (name, fake_jetond.batches)


def test_line_end_that_is_escaped_is_a_byte_of_its_value(fleet_database, fake_jetond):
    """Well-formed, and a line of its own again."""
    fake_jetond.places = [at_first_place(fleet_database)]
    feed_of(fleet_database, [("create", D, f'group=web {CREATED} subject="a\\x0aput"')])
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path):
        eventually(lambda: fake_jetond.tokens, "the token")
        assert fake_jetond.tokens[D]["subject"] == "a\nput"


def test_serials_that_go_back_stop_the_host(fleet_database, fake_jetond):
    put(fleet_database.join("h2", "web", issuer=True), digest_of(1))
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        fleet_database.admin.run("""
            alter view jeton.feed rename to real_feed;
            create view jeton.feed as select serial, nonce, event, digest, claims from jeton.real_feed
            union all select serial, gen_random_uuid(), event, digest, claims from jeton.real_feed;
            grant select on jeton.feed, jeton.real_feed to jeton_host; notify jeton""")
        put(fleet_database.connect("h2"), digest_of(2))
        eventually(lambda: "goes back" in agent.log(), "it says so")


def test_age_that_is_none_gives_no_lease(fleet_database, fake_jetond):
    fleet_database.join("h1", "web").close()
    fleet_database.admin.run("alter function jeton.poll(bigint, uuid) rename to real_poll")
    for age in "'NaN'", "'Infinity'", "-1e9", "'-Infinity'", "null", "1e300":
        no_lease_by(fleet_database, fake_jetond, age)


def no_lease_by(fleet_database, fake_jetond, age):
    fleet_database.admin.run(f"""
        delete from jeton.seen;
        create or replace function jeton.poll(serial bigint, nonce uuid, out schema_version int, out newest bigint, out beat_age_ms float8, out beat bigint,
                                   out known bool) language sql as $$ select 1, 0::bigint, {age}::float8, null::bigint, true $$;
        grant execute on function jeton.poll to jeton_host""")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: fleet_database.admin.ask("select from jeton.seen"), "a report")
        eventually(lambda: " > follow" in agent.log(), "it follows")
        assert not fake_jetond.leases


def test_poll_that_is_none_gives_no_lease(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    fleet_database.admin.run("""
        alter function jeton.poll(bigint, uuid) rename to real_poll;
        create function jeton.poll(serial bigint, nonce uuid, out schema_version text, out newest text, out beat_age_ms text, out beat text,
                                   out known text) language sql as $$ select '1', '-7', '0 ', 'x', 't' $$;
        grant execute on function jeton.poll to jeton_host""")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path):
        eventually(lambda: fleet_database.admin.ask("select from jeton.seen"), "a report")
        assert not fake_jetond.leases


# -- jetond --------------------------------------------------------------------------------------

class Babbler:
    """Answers each line that it gets with one of these."""

    def __init__(self, path, answers):
        self.answers, self.lines = answers, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while data := connection.recv(1 << 16):
                for _ in range(data.count(b"\n")):
                    self.lines += 1
                    connection.sendall(random.choice(self.answers))
        except OSError:
            pass


def test_jetond_that_babbles_gets_the_agent_neither_down_nor_its_database_wrong(fleet_database):
    put(fleet_database.join("h2", "web", issuer=True), digest_of(1))
    fleet_database.join("h1", "web")
    path = f"{tempfile.mkdtemp()}/fleet.sock"
    babbler = Babbler(path, [
        b"\n", b"OK\n", b"OK place=none\n", b"OK place=1:" + b"0" * 32 + b"\n", b"OK place=99999999999999999999:00\n", b"\xff\xfe\n", b"x" * 70000,
        b"* request=1\n", b"* request=99 event=revoke digest=zz group=web by=uid:0\nOK\n", b"ERR busy\n", b"NO unknown message=\"\\x00\"\n",
        f"* request=5 event=revoke digest={D} group=web by=uid:0\nOK count=1\n".encode(), b"* place=1:0 \nOK count=1\n", b"OK\nOK\nOK\n",
        f"* request=18446744073709551616 event=create digest={D} group=web created=2027-01-15T08:00:00Z by=uid:0\nOK\n".encode()])
    with Agent(fleet_database.conninfo("h1"), path) as agent:
        eventually(lambda: babbler.lines > 45, "it has babbled", within=20)
        assert agent.process.poll() is None
    assert fleet_database.admin.value("select count(*) from jeton.token") == 1
    babbler.listener.close()
