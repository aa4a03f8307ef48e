# SPDX-License-Identifier: Apache-2.0
"""Snapshots of many parts: whole in a jetond of today, also after one that was given up half-way."""
import tempfile

from fleet_agent import Agent, caught_up, following
from fleet_link import Link
from fleet_postgres import deny, digest_of
from scripted_agent import FLEET
from waiting import eventually


def fill(fleet, count, length=10):
    fleet.admin.run(f"""insert into jeton.token (digest, grp, state, known, created, origin, words)
        select sha256(int8send(n)), 'web', 'active', true, 1800000000, 'h1',
               'group=web created=2027-01-15T08:00:00Z origin=h1 description=' || repeat('x', {length}) from generate_series(1, {count}) n""")


def figure(daemon, name):
    return int(daemon.stats()[name])


def test_snapshot_of_several_parts_is_whole_in_jetond(fleet_database, daemon):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fill(fleet_database, 11000)
    deny(issuer, digest_of(7))
    host = daemon(roles=FLEET)
    with Agent(fleet_database.conninfo("h1"), host.path("fleet"), "fleet.lease=5s"):
        eventually(lambda: figure(host, "fleet_lease_seconds") > 0, "a lease")
    assert figure(host, "fleet_tokens") == 11001


def test_snapshot_that_breaks_off_is_taken_again_whole(fleet_database, daemon):
    """The connection to the database ends when jetond has some of it."""
    issuer = fleet_database.join("h1", "web", issuer=True)
    fill(fleet_database, 20000, 900)
    deny(issuer, digest_of(7))
    host = daemon(roles=FLEET)
    with Link(tempfile.mkdtemp(), fleet_database.cluster.directory) as link:
        link.bytes_most = 8_000_000
        with Agent(fleet_database.conninfo("h1", host=link.directory), host.path("fleet"), "fleet.lease=5s") as agent:
            eventually(lambda: "the snapshot" in agent.log() or "server closed" in agent.log(), "it breaks off")
            eventually(lambda: figure(host, "fleet_lease_seconds") > 0, "a lease", within=15)
            assert agent.log().count("> snapshot") == 2 and "stuck" not in agent.log()
    assert figure(host, "fleet_tokens") == 20001


def test_tokens_of_a_database_without_a_change_give_no_lease(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    fill(fleet_database, 10)
    fleet_database.admin.run("truncate jeton.change")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: "has tokens, and no change" in agent.log(), "it says so")
        assert not fake_jetond.leases


def test_changes_that_a_database_lacks_are_made_up_for_by_a_snapshot(fleet_database, fake_jetond):
    """A partition that was dropped by hand, a damaged index: a host never passes over what it did not see."""
    issuer = fleet_database.join("h1", "web", issuer=True)
    deny(issuer, digest_of(1))
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        caught_up(fleet_database, fake_jetond)
        deny(issuer, digest_of(2))
        caught_up(fleet_database, fake_jetond)
        fleet_database.admin.run("""begin; create function jeton.lose() returns trigger language plpgsql as $$ begin
            delete from jeton.change where serial = new.serial - 1 and event = 'revoke'; return null; end $$;
            create trigger lose after insert on jeton.change for each row when (new.event = 'disable') execute function jeton.lose(); commit""")
        issuer.run(f"begin; select jeton.deny('revoke', array['\\x{digest_of(3).hex()}'::bytea], 'web', 0);"
                   f"select jeton.deny('disable', array['\\x{digest_of(4).hex()}'::bytea], 'web', 0); commit")
        caught_up(fleet_database, fake_jetond)
        assert "lacks changes" in agent.log() and fake_jetond.state(digest_of(3).hex()) == "revoked"
