# SPDX-License-Identifier: Apache-2.0
"""Denials are sticky in the fleet's database: revoked > disabled > active, and nothing undoes a deletion."""
import random

import pytest

from fleet_postgres import NOW, deny, digest_of, feed, put
from libpq import DatabaseError
from settings import scaled

DENIED = {"revoke": "revoked", "disable": "disabled", "delete": "deleted"}
RANK = {"active": 0, "disabled": 1, "revoked": 2}


def words_of(claims):
    """Return the fields of a line without quotes."""
    return dict(word.split("=", 1) for word in claims.split()) if claims else {}


class Model:
    """What must be true of one token: by the rules, not by the schema."""

    def __init__(self):
        self.state, self.known, self.gone = None, False, False

    def put(self, event, state):
        """Return the code of the refusal, or None."""
        if event in ("update", "enable") and (not self.known or self.gone):
            return "J0007"
        if self.gone:
            return "J0005"
        had = self.state or "active"
        if had == "disabled" and event == "enable":
            had = "active"
        self.state, self.known = max(had, state, key=RANK.get), True
        return None

    def deny(self, event, issuer):
        if event != "revoke" and not issuer:
            return "J0006"
        if self.state is None and (event == "delete" or not issuer):
            return "J0007"
        if event == "delete":
            self.gone = True
        else:
            self.state = max(self.state or "active", DENIED[event], key=RANK.get)
        return None


class Host:
    """What a host makes of a feed, by the rules of the cache."""

    def __init__(self):
        self.state, self.dropped = {}, set()

    def take(self, event, digest, claims):
        fields = words_of(claims)
        if event == "groups":
            return
        had = self.state.get(digest, "active")
        if event == "delete":
            self.dropped.add(digest)
        elif event in DENIED:
            assert set(fields) == {"group", "state", fields["state"]} and fields["state"] in RANK
            self.state[digest] = max(had, fields["state"], key=RANK.get)
        else:
            if had == "disabled" and event == "enable":
                had = "active"
            self.state[digest] = max(had, fields["state"], key=RANK.get)
            assert fields["state"] == self.state[digest], "the feed says the resulting state"

    def honoured(self):
        return {digest for digest, state in self.state.items() if state == "active" and digest not in self.dropped}


@pytest.mark.parametrize("seed", range(2))
def test_random_histories_of_changes_leave_what_the_rules_say(fleet_database, seed):
    chance = random.Random(seed)
    issuer, host = fleet_database.join("issuer", "web", issuer=True), fleet_database.join("host", "web")
    refused = 0
    for number in range(scaled(60, 10)):
        digest, model = digest_of(number), Model()
        for _ in range(chance.randrange(1, 8)):
            if chance.random() < 0.55:
                event, state = chance.choice(("create", "import", "update", "enable", "rotate")), chance.choice(("active", "active", "disabled", "revoked"))
                code, call = model.put(event, state), lambda e=event, s=state: put(issuer, digest, e, state=s)
            else:
                event, who = chance.choice(("revoke", "disable", "delete")), chance.choice((issuer, host))
                code, call = model.deny(event, who is issuer), lambda e=event, w=who: deny(w, digest, event=e)
            if code is None:
                call()
            else:
                with pytest.raises(DatabaseError) as refusal:
                    call()
                assert refusal.value.sqlstate == code
                refused += 1
            state = fleet_database.admin.ask("select state, known from jeton.token where digest = $1", digest)
            assert state == ([("deleted" if model.gone else model.state, model.known)] if model.state else [])
    assert refused > 0
    follower = Host()
    for _, _, event, digest, claims in feed(host):
        follower.take(event, digest, claims)
    snapshot = {digest: (state, words_of(claims)) for digest, state, claims in host.ask("select * from jeton.snapshot")}
    assert list(snapshot) == sorted(snapshot)
    assert {digest for digest, (state, _) in snapshot.items() if state == "active"} == follower.honoured()
    for digest, (state, fields) in snapshot.items():
        assert fields["state"] == state == follower.state[digest] and (state in fields or state == "active")


def test_a_revocation_that_overtakes_its_creation_wins(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    deny(issuer, digest_of(1))
    serial, _ = put(issuer, digest_of(1), created=NOW, subject="ci")
    (row,) = feed(issuer, serial)
    assert row[2] == "create" and words_of(row[4])["state"] == "revoked" and words_of(row[4])["subject"] == "ci"
    assert words_of(row[4])["created"] == "2027-01-15T08:00:00Z"


def test_only_enabling_undoes_a_disabling_and_a_snapshot_says_so(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    put(issuer, digest_of(1))
    deny(issuer, digest_of(1), event="disable")
    put(issuer, digest_of(1), "update")
    assert issuer.value("select state from jeton.snapshot") == "disabled"
    put(issuer, digest_of(1), "enable")
    (row,) = issuer.ask("select state, claims from jeton.snapshot")
    assert row[0] == "active" and words_of(row[1])["enables"] == "yes"
    deny(issuer, digest_of(1), event="disable")
    assert "enables" not in words_of(issuer.value("select claims from jeton.snapshot"))


def test_a_denial_said_again_is_a_change_again_and_keeps_its_first_time(fleet_database):
    """A retry must wait for the standby like the first attempt, which may be visible and lost by a failover."""
    host, issuer = fleet_database.join("host", "web"), fleet_database.join("issuer", "web", issuer=True)
    put(issuer, digest_of(1))
    first, _ = deny(host, digest_of(1), digest_of(1))
    fleet_database.admin.run("update jeton.token set revoked = 1000")
    second, nonce = deny(host, digest_of(1))
    assert second == first + 1
    assert feed(host, second) == [(second, nonce, "revoke", digest_of(1), "group=web state=revoked revoked=1970-01-01T00:16:40Z")]


def test_what_is_denied_alike_in_one_statement_is_one_change_for_each_1024(fleet_database):
    issuer, stranger = fleet_database.join("issuer", "web", issuer=True), fleet_database.join("stranger", "db")
    digests = list(map(digest_of, range(1, 2501)))
    for event in "revoke", "disable", "delete":
        last, nonce = deny(issuer, *digests[::-1], *digests[:10], event=event)
        rows = feed(issuer, last - 2)
        assert [(row[0], row[2], len(row[3]) // 32) for row in rows] == [(last - 2, event, 1024), (last - 1, event, 1024), (last, event, 452)]
        assert b"".join(row[3] for row in rows) == b"".join(digests) and rows[-1][1] == nonce
        assert len({row[1] for row in rows}) == 3 and len({row[4] for row in rows}) == 1
        assert event == "delete" or words_of(rows[0][4]).keys() == {"group", "state", "revoked"}, "who is revoked stays revoked"
        assert [row[2:] for row in feed(stranger, last - 2)] == [(event, None, None)] * 3
        assert [serial for (serial,) in issuer.ask("select serial from jeton.large where serial >= $1", last - 2)] == [last - 2, last - 1, last]
    assert stranger.ask("select * from jeton.large") == []


def test_what_was_denied_before_is_a_change_of_its_own_with_its_time(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    old, disabled, new = map(digest_of, (1, 2, 3))
    deny(issuer, old)
    deny(issuer, disabled, event="disable")
    fleet_database.admin.run("update jeton.token set revoked = 1000 where state = 'revoked'; update jeton.token set disabled = 2000 where state = 'disabled'")
    first = issuer.value("select serial from jeton.place()") + 1

    deny(issuer, old, disabled, new, event="disable")
    told = {row[3]: words_of(row[4]) for row in feed(issuer, first)}
    assert told.keys() == {old, disabled, new}
    assert told[old] == {"group": "web", "state": "revoked", "revoked": "1970-01-01T00:16:40Z"}
    assert told[disabled] == {"group": "web", "state": "disabled", "disabled": "1970-01-01T00:33:20Z"}
    assert told[new]["state"] == "disabled" and told[new]["disabled"] > "2026"
    first += 3
    last, _ = deny(issuer, new, old, disabled)
    rows = feed(issuer, first)
    assert last == first + 1 and sorted(row[3] for row in rows) == [old, disabled + new], "what is revoked at the same time is one change"


def test_history_finds_a_token_in_changes_of_many(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    put(issuer, digest_of(77), by=1000)
    deny(issuer, *map(digest_of, range(60, 90)), event="disable", by=1001)
    deny(issuer, digest_of(76), digest_of(78))
    put(issuer, digest_of(77), event="enable")
    deny(issuer, *map(digest_of, range(70, 1500)), by=1002)
    # Bytes of it across the end of a digest are not it.
    deny(issuer, b"x" * 31 + digest_of(77)[:1], digest_of(77)[1:] + b"y")
    for wanted in digest_of(77), digest_of(77)[:10]:
        found = fleet_database.admin.ask("select event, digest, host, by_uid from jeton.history($1)", wanted)
        assert found == [(event, digest_of(77), "issuer", by) for event, by in (("create", 1000), ("disable", 1001), ("enable", 0), ("revoke", 1002))]
    assert fleet_database.admin.ask("select * from jeton.history($1)", digest_of(5000)) == []
    assert issuer.refusal("select * from jeton.history($1)", digest_of(77)).sqlstate == "42501"


def test_a_change_has_whole_digests_and_not_too_many(fleet_database):
    for digest in b"", b"x" * 31, b"x" * 33, b"x" * 32 * 1025:
        assert fleet_database.admin.refusal("insert into jeton.change (serial, event, digest) values (7, 'revoke', $1)", digest).sqlstate == "23514"
    for serial, digest in (7, b"x" * 32), (8, b"x" * 32 * 1024), (1000000, b"x" * 32 * 1024):
        fleet_database.admin.ask("insert into jeton.change (serial, event, digest) values ($1, 'revoke', $2)", serial, digest)
    assert fleet_database.admin.ask("select attstorage::text from pg_attribute where attrelid::regclass::text ~ '^jeton.change(_[01])?$' and attname = 'digest'") \
        == [("e",)] * 3


def test_a_creation_may_be_repeated_only_by_who_made_it(fleet_database):
    maker, other = fleet_database.join("maker", "web", issuer=True), fleet_database.join("other", "web", issuer=True)
    first = put(maker, digest_of(1), by=1000)
    assert put(maker, digest_of(1), by=1000)[0] == first[0] + 1
    for session, more in (maker, {"by": 1001}), (maker, {"by": 1000, "created": NOW + 1}), (other, {"by": 1000}):
        with pytest.raises(DatabaseError) as refusal:
            put(session, digest_of(1), **more)
        assert refusal.value.sqlstate == "J0005"
    fields = words_of(maker.value("select claims from jeton.snapshot"))
    assert fields["origin"] == "maker" and fields["by"] == "uid:1000"


def test_who_made_a_token_stays_when_another_host_updates_it(fleet_database):
    maker, other = fleet_database.join("maker", "web", issuer=True), fleet_database.join("other", "web", issuer=True)
    put(maker, digest_of(1), by=1000)
    serial, _ = put(other, digest_of(1), "update", by=7, created=5, subject="new", expires=NOW)
    fields = words_of(feed(other, serial)[0][4])
    assert (fields["origin"], fields["by"], fields["created"], fields["subject"]) == ("maker", "uid:1000", "2027-01-15T08:00:00Z", "new")
    assert fleet_database.admin.row("select host, by_uid from jeton.change where serial = $1", serial) == ("other", 7)


def test_a_change_has_the_claims_that_it_names_and_leaves_the_others(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    tricky = 'a" subject=root \\" scopes=all \n expires=never'
    put(issuer, digest_of(1), activates=NOW - 9, expires=NOW, description=tricky, replaces=digest_of(7)[:10])
    claims = issuer.value("select claims from jeton.snapshot")
    put(issuer, digest_of(1), "update", created=None)
    assert issuer.value("select claims from jeton.snapshot") == claims, "a description says nothing of other claims"
    put(issuer, digest_of(1), "update", created=None, scopes="a,b", expires=NOW + 5)
    put(issuer, digest_of(1), "update", created=None, subject="x y")
    changed = claims.replace("08:00:00Z description", '08:00:05Z subject="x y" scopes=a,b description')
    assert changed != claims and issuer.value("select claims from jeton.snapshot") == changed
    deny(issuer, digest_of(1), event="disable")
    put(issuer, digest_of(1), "enable", created=None)
    assert issuer.value("select claims from jeton.snapshot") == changed.replace("state=active", "state=active enables=yes")
    put(issuer, digest_of(1), "update", created=None, subject="", scopes="", description="", expires=-1)
    fields = words_of(issuer.value("select claims from jeton.snapshot"))
    assert set(fields) == {"state", "enables", "group", "created", "activates", "replaces", "origin", "by"}


def test_a_rotated_token_ends_no_later_whatever_comes_late(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    put(issuer, digest_of(1), activates=NOW - 9, subject="ci")
    for end, expected in (NOW, NOW), (NOW + 60, NOW), (NOW - 5, NOW - 5):
        serial, _ = put(issuer, digest_of(1), "end", created=None, expires=end)
        assert fleet_database.admin.value("select expires from jeton.token") == expected
    (row,) = feed(issuer, serial)
    assert row[2] == "update" and words_of(row[4])["subject"] == "ci"
    for expires in None, -1, NOW - 9:
        with pytest.raises(DatabaseError) as refusal:
            put(issuer, digest_of(1), "end", created=None, expires=expires)
        assert refusal.value.sqlstate == "J0008"


def test_what_is_only_denied_cannot_be_changed_as_nobody_knows_its_claims(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    deny(issuer, digest_of(1), event="disable")
    with pytest.raises(DatabaseError) as refusal:
        put(issuer, digest_of(1), "enable", created=None)
    assert refusal.value.sqlstate == "J0007"


def test_a_batch_with_a_token_that_is_not_there_changes_nothing_and_names_it(fleet_database):
    host, issuer = fleet_database.join("host", "web"), fleet_database.join("issuer", "web", "db", issuer=True)
    put(issuer, digest_of(1))
    put(issuer, digest_of(2), group="db")
    before = feed(host)
    error = host.refusal("select jeton.deny('revoke', $1, 'web', 0)", list(map(digest_of, (1, 2, 3))))
    assert error.sqlstate == "J0007" and sorted(error.detail.split()) == [digest_of(2).hex(), digest_of(3).hex()]
    assert feed(host) == before
    error = issuer.refusal("select jeton.deny('revoke', $1, 'web', 0)", list(map(digest_of, (1, 2, 3))))
    assert error.sqlstate == "J0004" and feed(host) == before


WRONG = {"digest": {"digest": b"\0" * 31}, "state": {"state": "deleted"}, "event": {"event": "revoke"}, "created": {"created": None},
         "activates": {"activates": -1}, "expires": {"expires": 253402300800}, "subject": {"subject": "é" * 129},
         "scopes": {"scopes": "a,b c"}, "an empty scope": {"scopes": "a,,b"}, "33 scopes": {"scopes": ",".join("x" * 33)},
         "a long scope": {"scopes": "x" * 65}, "description": {"description": "x" * 1025}, "replaces": {"replaces": b"\0" * 9}, "by": {"by": 2**32}}


def test_a_wrong_value_is_refused(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    for case, values in WRONG.items():
        with pytest.raises(DatabaseError) as refusal:
            put(issuer, **({"digest": digest_of(1)} | values))
        assert refusal.value.sqlstate == "J0008", case
    assert issuer.ask("select * from jeton.snapshot") == []


def test_a_denial_of_wrong_values_is_refused(fleet_database):
    issuer = fleet_database.join("issuer", "web", issuer=True)
    for event, digests, group, by, code in (("revoke", [], "web", 0, "J0008"), ("revoke", None, "web", 0, "J0008"), ("revoke", [None], "web", 0, "J0008"),
                                            ("revoke", [b"x"], "web", 0, "J0008"), ("drop", [digest_of(1)], "web", 0, "J0008"),
                                            (None, [digest_of(1)], "web", 0, "J0008"), ("revoke", [digest_of(1)], "web", -1, "J0008"),
                                            ("revoke", [digest_of(1)], "w b", 0, "J0008"), ("revoke", [digest_of(1)], None, 0, "J0008"),
                                            ("revoke", [digest_of(1)], "db", 0, "J0002")):
        assert issuer.refusal("select jeton.deny($1, $2, $3, $4)", event, digests, group, by).sqlstate == code


def test_two_digests_that_begin_alike_are_refused(fleet_database):
    """No host could tell ids apart that are the same, nor list all tokens with the same 62 bits."""
    session = fleet_database.join("one", "web", issuer=True)
    put(session, digest_of(1))
    newest = deny(session, digest_of(2))[:1]
    for number in 1, 2:
        same = digest_of(number)[:7] + bytes([digest_of(number)[7] ^ 3])
        for like in digest_of(number)[:10] + bytes(21) + b"x", same + bytes(24), same + b"\xff" * 24:
            for wrong in (lambda like=like: put(session, like), lambda like=like: deny(session, like, digest_of(9))):
                with pytest.raises(DatabaseError, match="another token has nearly this id") as caught:
                    wrong()
                assert caught.value.sqlstate == "J0008"
    with pytest.raises(DatabaseError, match="another token has nearly this id"):
        deny(session, digest_of(7), digest_of(7)[:10] + b"x" * 22)
    assert session.row("select serial from jeton.place()") == newest
    put(session, digest_of(1)[:7] + bytes([digest_of(1)[7] ^ 4]) + bytes(24))
