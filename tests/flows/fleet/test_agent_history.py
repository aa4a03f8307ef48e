# SPDX-License-Identifier: Apache-2.0
"""The database's history is another than the host's: the agent finds where they part, and nothing is skipped."""
import pytest

from fleet_agent import Agent, caught_up, following
from fleet_postgres import deny, digest_of, put
from waiting import eventually


def lose_tail(fleet, behind):
    """What an asynchronous failover does: changes are gone, and their serials will be used again."""
    fleet.admin.ask("delete from jeton.change where serial > $1", behind)


@pytest.mark.parametrize("lost", [1, 40, 1500])
def test_lost_tail_is_rewound_and_what_took_its_serials_is_not_skipped(fleet_database, fake_jetond, lost):
    issuer = fleet_database.join("h1", "web", issuer=True)
    other = fleet_database.join("h2", "web", issuer=True)
    put(issuer, digest_of(1))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
        before = fake_jetond.serial
        for n in range(lost):
            fake_jetond.places.append(f"{before + n + 1}:{n:032x}")      # changes that the database has lost
        fake_jetond.restart()
        for n in range(2, 5):
            deny(other, digest_of(n))
        eventually(lambda: fake_jetond.rewinds == 1, "it rewinds")
        assert not [batch for batch in fake_jetond.batches[1:] if batch[2]], "a snapshot for a failover"
        caught_up(fleet_database, fake_jetond)
        assert all(fake_jetond.state(digest_of(n).hex()) == "revoked" for n in range(2, 5))
        eventually(lambda: fake_jetond.lease() > 0, "a lease")


def test_failover_under_a_running_agent_is_rewound(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    other = fleet_database.join("h2", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        for n in range(1, 6):
            put(issuer, digest_of(n))
        caught_up(fleet_database, fake_jetond)
        lost = fake_jetond.serial
        lose_tail(fleet_database, lost - 3)
        fleet_database.admin.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'h1'")
        for n in range(10, 15):
            deny(other, digest_of(n))               # takes the same serials, and more
        eventually(lambda: fake_jetond.rewinds == 1, "it rewinds")
        caught_up(fleet_database, fake_jetond)
        assert all(fake_jetond.state(digest_of(n).hex()) == "revoked" for n in range(10, 15))
        assert fake_jetond.serial > lost


def test_other_database_at_the_same_address_is_fetched_whole_and_denials_stay(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    put(issuer, digest_of(1))
    fake_jetond.places = [f"{serial}:{serial:032x}" for serial in range(1, 2500)]
    fake_jetond.banned["f" * 64] = {"state": "revoked"}
    fake_jetond.tokens["e" * 64] = {"state": "active"}
    fleet_database.admin.run("update jeton.change set serial = serial + 3000")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        assert [batch for batch in fake_jetond.batches if batch[2]], "a snapshot"
        caught_up(fleet_database, fake_jetond)
        assert fake_jetond.state("f" * 64) == "revoked" and fake_jetond.state("e" * 64) is None


def test_empty_database_at_the_same_address_drops_nothing_and_gives_no_lease(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fake_jetond.places = ["7:" + "0" * 32]
    fake_jetond.tokens["e" * 64] = {"state": "active"}
    fleet_database.admin.run("delete from jeton.change")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: "the database is empty" in agent.log(), "it says so")
        assert fake_jetond.tokens and not fake_jetond.leases and not fake_jetond.batches
        put(issuer, digest_of(1))
        caught_up(fleet_database, fake_jetond)
        eventually(lambda: fake_jetond.lease() > 0, "a lease")


def test_host_that_is_behind_the_horizon_takes_a_snapshot(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    for n in range(1, 11):
        put(issuer, digest_of(n))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
    for n in range(11, 21):
        put(issuer, digest_of(n))
    fleet_database.admin.run("delete from jeton.change where serial < (select max(serial) - 5 from jeton.change)")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
        assert fake_jetond.batches[-1][2] and len(fake_jetond.tokens) == 20


def test_repeated_batches_after_kills_at_any_step_leave_the_same_tokens(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fake_jetond.delay = 0.03                        # the end of each batch is a moment in which it can be killed
    for n in range(1, 8):
        with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
            count = len(fake_jetond.batches)
            put(issuer, digest_of(n))
            deny(issuer, digest_of(n - 1 if n > 1 else 1000))
            if n % 3:
                eventually(lambda count=count: len(fake_jetond.batches) > count or n % 2, "a batch")
            agent.kill()
            agent.process.returncode = 0
    fake_jetond.delay = 0
    with following(fleet_database.conninfo("h1"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
    states = [fake_jetond.state(digest_of(n).hex()) for n in range(1, 8)]
    assert states == ["revoked"] * 6 + ["active"] and fake_jetond.rewinds == 0
