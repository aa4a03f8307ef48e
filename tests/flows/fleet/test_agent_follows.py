# SPDX-License-Identifier: Apache-2.0
"""The agent brings jetond what the database has, in its order, and the lease that it earns by that."""
import re
import threading

import pytest

from fake_jetond import Session, boottime
from fleet_agent import caught_up, following, newest
from fleet_link import Link
from fleet_postgres import NOW, deny, digest_of, feed_query, put
from settings import SANITIZER
from waiting import eventually


def test_a_host_of_an_empty_database_has_a_lease_and_then_its_changes(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("delete from jeton.change")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        assert fake_jetond.place == "none"
        put(issuer, digest_of(1), subject="ann", description='of "ann"\n', scopes="a,b", expires=NOW + 1)
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) == "active", "the token is known")
        claims = fake_jetond.tokens[digest_of(1).hex()]
        assert claims["description"] == 'of "ann"\n' and claims["scopes"] == "a,b" and claims["origin"] == "h1"
        deny(issuer, digest_of(1))
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) == "revoked", "it is revoked")
        caught_up(fleet_database, fake_jetond)


def test_each_kind_of_change_arrives_as_what_it_is(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    one, two, three = (digest_of(n) for n in (1, 2, 3))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        for digest in one, two:
            put(issuer, digest)
        put(issuer, one, event="update", subject="bob")
        eventually(lambda: fake_jetond.tokens.get(one.hex(), {}).get("subject") == "bob", "the update")
        deny(issuer, one, event="disable")
        eventually(lambda: fake_jetond.state(one.hex()) == "disabled", "the disable")
        put(issuer, one, event="enable")
        eventually(lambda: fake_jetond.state(one.hex()) == "active", "the enable")
        put(issuer, three, event="rotate", replaces=one[:10])
        eventually(lambda: fake_jetond.tokens.get(three.hex(), {}).get("replaces") == one[:10].hex(), "the rotate")
        deny(issuer, two, event="delete")
        eventually(lambda: fake_jetond.state(two.hex()) is None, "the delete")
        caught_up(fleet_database, fake_jetond)


def test_what_is_for_other_groups_moves_the_place_and_no_more(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    other = fleet_database.join("h2", "db", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        put(other, digest_of(1), group="db", subject="secret")
        caught_up(fleet_database, fake_jetond)
        assert not fake_jetond.tokens


def test_a_host_that_gets_a_group_gets_the_tokens_that_it_had_before(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    other = fleet_database.join("h2", "db", issuer=True)
    put(other, digest_of(1), group="db")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        fleet_database.admin.ask("select jeton.join('h1', '{web,db}', false)")
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) == "active", "the token of the new group")
        fleet_database.admin.ask("select jeton.join('h1', '{web}', false)")
        eventually(lambda: fake_jetond.state(digest_of(1).hex()) is None, "it is gone with the group")


def test_groups_that_are_configured_otherwise_are_said(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", "db")
    with following(fleet_database.conninfo("h1"), fake_jetond, "fleet.groups=web, mail") as agent:
        assert "groups are `db,web` in the database, and `mail,web` in the configuration" in agent.log()


def test_more_than_a_page_arrives_in_pages_and_whole(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    put(issuer, digest_of(1))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        deny(issuer, *(digest_of(n) for n in range(1, 12001)))
        caught_up(fleet_database, fake_jetond)
        assert len(fake_jetond.banned) == 12000
        assert all(count <= 5000 for _, _, _, count in fake_jetond.batches)


def test_changes_of_many_and_of_one_arrive_whole_and_in_their_order(fleet_database, fake_jetond):
    """Changes of 1 to 1,500 digests, more than one page of them, of which some are denied again and some enabled between."""
    issuer, other = fleet_database.join("h1", "web", issuer=True), fleet_database.join("h2", "db", issuer=True)
    put(issuer, digest_of(1))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        first = fake_jetond.serial
        for at in range(30):
            deny(issuer, *(digest_of(n) for n in range(1000 * at, 1000 * at + 1500)), event="disable")
            put(issuer, digest_of(1000 * at + 7))
            put(issuer, digest_of(1000 * at + 7), event="enable", subject=f"s{at}")
            deny(other, *(digest_of(10**6 + n) for n in range(1000 * at, 1000 * at + 900)), group="db")
            deny(issuer, digest_of(1000 * at + 8))
            deny(issuer, digest_of(1000 * at + 9), digest_of(1000 * at + 10), event="delete")
        caught_up(fleet_database, fake_jetond)
        snapshot = dict(issuer.ask("select encode(digest, 'hex'), state from jeton.snapshot"))
        dropped = {digest_of(1000 * at + n).hex() for at in range(30) for n in (9, 10)}
        assert {digest: fake_jetond.state(digest) for digest in snapshot} == snapshot and len(snapshot) == 30500 - 60
        assert set(fake_jetond.banned) | set(fake_jetond.tokens) == set(snapshot) | dropped, "nothing of the other group"
        counts = [count for _, _, again, count in fake_jetond.batches if not again]
        assert max(counts) <= 5000 and len(counts) < fake_jetond.serial - first


def test_page_of_large_changes_is_bounded(fleet_database, fake_jetond):
    """40 changes of 1,000 digests are no one page, neither for who asks for few changes nor for who asks for many."""
    issuer = fleet_database.join("h1", "web", issuer=True)
    fleet_database.join("h2", "web").close()
    first, nonce = put(issuer, digest_of(1))
    for at in range(40):
        deny(issuer, *(digest_of(n) for n in range(1000 * at, 1000 * at + 1000)))
    deny(fleet_database.join("h3", "db", issuer=True), *(digest_of(10**6 + n) for n in range(2000)), group="db")
    for name, limit in ("QUERY_FEED", 17), ("QUERY_FEED_MANY", 5001):
        query, place, pages = feed_query(name), first, []
        while len(page := issuer.ask(query, place, limit)) > 1:
            assert page[0][0] == place and page[0][3:] == (None, None), name
            pages.append([row[0] for row in page[1:]])
            place = page[-1][0]
        assert [len(page) for page in pages] == [16, 16, 11], name
        assert sum(pages, []) == list(range(first + 1, first + 44)), name
    assert issuer.ask(query, 2**63 - 1, limit) == [] == issuer.ask(query, first + 1000, limit), "a place that is not in this history"
    fake_jetond.places = [f"{first}:{nonce.replace('-', '')}"]
    with following(fleet_database.conninfo("h2"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
        assert [(again, count) for _, _, again, count in fake_jetond.batches] == [(False, 5000)] * 3 + [(False, 1000)] + [(False, 5000)] * 3 + \
            [(False, 1000)] + [(False, 5000), (False, 3000)]
        assert len(fake_jetond.banned) == 40000


def test_snapshot_comes_in_parts_with_denials_and_only_once(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("""insert into jeton.token (digest, grp, state, known, created, origin, words)
        select int8send(n) || decode(repeat('00', 24), 'hex'), 'web', 'active', true, 1800000000, 'h1',
               'group=web created=2027-01-15T08:00:00Z origin=h1' from generate_series(1, 11000) n""")
    deny(issuer, digest_of(20000), digest_of(7))
    with following(fleet_database.conninfo("h1"), fake_jetond):
        caught_up(fleet_database, fake_jetond)
        assert len(fake_jetond.tokens) == 11000 + (digest_of(20000).hex() in fake_jetond.tokens)
        assert fake_jetond.state(digest_of(20000).hex()) == fake_jetond.state(digest_of(7).hex()) == "revoked"
        parts = [batch for batch in fake_jetond.batches if batch[2]]
        assert [count for _, _, _, count in parts] == [5000, 5000, 1001]


@pytest.mark.skipif(bool(SANITIZER), reason="measures memory")
def test_slow_jetond_holds_a_snapshot_up_instead_of_the_agent_holding_it(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("""insert into jeton.token (digest, grp, state, known, created, origin, words)
        select int8send(n) || decode(repeat('00', 24), 'hex'), 'web', 'active', true, 1800000000, 'h1',
               'group=web created=2027-01-15T08:00:00Z origin=h1 description=' || repeat('x', 900) from generate_series(1, 20000) n""")
    fake_jetond.delay = 0.1
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        with open(f"/proc/{agent.pid}/status") as status:
            most = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        assert len(fake_jetond.tokens) == 20000
        assert most < 32 * 1024, f"the agent took {most} kB"


# -- the lease -----------------------------------------------------------------------------------

def test_lease_ends_no_later_than_one_length_after_the_poll(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        eventually(lambda: len(fake_jetond.leases) > 2, "leases")
    for came, until, keep in fake_jetond.leases:
        assert until <= (came + 5) * 1e9 and keep == until


def test_stale_keep_is_counted_from_the_same_moment(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond, "fleet.stale=keep 1h"):
        pass
    for _, until, keep in fake_jetond.leases:
        assert keep - until == (3600 - 5) * 10**9


def test_host_that_is_behind_has_no_lease_by_a_later_poll(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        fake_jetond.delay = 2.5         # so long a batch takes to be saved
        put(issuer, digest_of(1))
        committed = boottime()
        serial = newest(fleet_database)
        eventually(lambda: fake_jetond.serial == serial, "it is saved")
        count, fake_jetond.delay = len(fake_jetond.leases), 0
        granted = [int(until) for until in re.findall(rb"^fleet lease until=(\d+)", fake_jetond.meanwhile, re.M)]
        assert all(until <= (committed + 5) * 1e9 for until in granted), "a lease by a later poll while it was behind"
        eventually(lambda: len(fake_jetond.leases) > count + len(granted), "leases go on")


def test_lease_is_not_renewed_while_no_beat_is_confirmed(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        fleet_database.admin.run("revoke execute on function jeton.confirm(bigint) from jeton_host")
        eventually(lambda: "a beat cannot be confirmed" in agent.log(), "what was under way is over")
        until = max(lease[1] for lease in fake_jetond.leases)
        eventually(lambda: boottime() * 1e9 > until, "the lease ends", within=8)
        assert max(lease[1] for lease in fake_jetond.leases) <= until + 0.2e9


def test_jetond_that_starts_again_gets_a_new_lease_and_what_it_lacks(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        fake_jetond.restart()
        put(issuer, digest_of(1))
        eventually(lambda: fake_jetond.lease() > 0, "a new lease")
        caught_up(fleet_database, fake_jetond)


# -- what jetond has not answered ----------------------------------------------------------------


@pytest.fixture
def linked(fleet_database, fake_jetond, tmp_path):
    """An issuer, what the agent has to the database, and the agent with a lease."""
    issuer = fleet_database.join("h1", "web", issuer=True)
    with Link(tmp_path, fleet_database.cluster.directory) as link:
        with following(fleet_database.conninfo("h1", host=tmp_path), fake_jetond, "fleet.lease=60s") as agent:
            put(issuer, digest_of(1))
            caught_up(fleet_database, fake_jetond)
            eventually(lambda: fake_jetond.lease() > 0, "a lease")
            yield issuer, link, agent


def test_jetond_that_ends_before_it_has_answered_gets_its_lease_again(linked, fake_jetond, monkeypatch):
    """It has saved the changes, and is at a place that it has told nobody; the database is away."""
    issuer, link, _ = linked
    save = Session.fleet_end

    def save_and_end(*given):
        answer = save(*given)
        link.stopped.clear()
        fake_jetond.restart()
        return answer
    monkeypatch.setattr(Session, "fleet_end", save_and_end)
    before, place = fake_jetond.until, fake_jetond.place
    put(issuer, digest_of(2))
    eventually(lambda: fake_jetond.place != place and fake_jetond.lease() > 0, "a lease after the restart")
    assert before <= fake_jetond.until < before + 10e9, "that of before: no poll has come through since"


def test_changes_that_are_under_way_while_the_database_is_away_are_not_sent_again(linked, fleet_database, fake_jetond, monkeypatch):
    issuer, link, agent = linked
    fake_jetond.delay = 1
    save, under_way = Session.fleet_end, threading.Event()

    def note_and_save(*given):
        under_way.set()
        return save(*given)
    monkeypatch.setattr(Session, "fleet_end", note_and_save)
    put(issuer, digest_of(2))
    assert under_way.wait(30)
    link.cut()
    put(issuer, digest_of(3))
    caught_up(fleet_database, fake_jetond)
    assert "refuses" not in agent.log() and len(fake_jetond.batches) >= 2
