# SPDX-License-Identifier: Apache-2.0
"""Histories that are not whole: a host never passes over what it did not see."""
from fleet_agent import Agent, caught_up, following
from fleet_postgres import deny, digest_of
from waiting import eventually


def fill(fleet, count):
    fleet.admin.run(f"""insert into jeton.token (digest, grp, state, known, created, origin, words)
        select sha256(int8send(n)), 'web', 'active', true, 1800000000, 'h1',
               'group=web created=2027-01-15T08:00:00Z origin=h1' from generate_series(1, {count}) n""")


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
