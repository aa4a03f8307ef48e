# SPDX-License-Identifier: Apache-2.0
"""The self socket: users look after their own tokens, and nothing else is there for them."""
import time

from timestamp import unix_time
from users import ANN, BOB, UNNAMED, UserDaemon
from waiting import eventually

VERBS = {"create", "list", "show", "policy", "update", "rotate", "revoke", "hello", "help", "ping", "quit"}
DAY = 86400


def test_a_user_makes_shows_changes_rotates_and_revokes_her_own_token(daemon):
    d = UserDaemon(daemon)
    made = d.done(ANN, 'create description="mail" scopes=imap ttl=30d')
    assert (made["subject"], made["scopes"], made["description"]) == ("ann", "imap", "mail")
    assert d.daemon.verify(made["token"], subject="ann", scope="imap") == "OK"
    assert d.done(ANN, f"show {made['id']}").lines[0]["description"] == "mail"
    assert d.done(ANN, f"update {made['id']} description=phone")["description"] == "phone"
    new = d.done(ANN, f"rotate {made['id']}")
    assert (new["subject"], new["replaces"], new["scopes"]) == ("ann", made["id"], "imap")
    assert d.daemon.verify(made["token"]) == "NO revoked"
    assert d.daemon.verify(new["token"], subject="ann") == "OK"
    assert d.list(ANN) == [made["id"], new["id"]]
    revoked = d.done(ANN, f"revoke {new['id']}")
    assert (revoked["state"], revoked["subject"]) == ("revoked", "ann")
    assert d.daemon.verify(new["token"]) == "NO revoked"
    d.daemon.restart()
    assert d.daemon.verify(new["token"]) == "NO revoked"
    assert d.list(ANN, "state=revoked") == [made["id"], new["id"]]


def test_the_self_socket_is_off_unless_it_is_configured(daemon):
    d = daemon()
    assert "self.sock" not in d.log()
    hello = daemon("self.path=", roles=("admin",)).done("hello")
    assert hello["role"] == "admin"


def test_only_these_verbs_exist_on_the_self_socket(daemon):
    d = UserDaemon(daemon)
    with d.client(ANN) as client, d.daemon.client() as admin:
        assert client.request("hello")["role"] == "self"
        assert {line["verb"] for line in client.request("help").lines} == VERBS
        for line in admin.request("help").lines:
            verdict = client.request(line["verb"]).verdict
            assert (verdict == "ERR forbidden") == (line["verb"] not in VERBS), f"{line['verb']}: {verdict}"
            if line["verb"] == "quit":
                client = d.client(ANN)


def test_the_subject_is_the_users_name_and_no_other(daemon):
    d = UserDaemon(daemon)
    assert d.done(ANN, "create subject=ann")["subject"] == "ann"
    for name in "bob", '""', "Ann", "ann\xa0":
        assert d.ask(ANN, f"create subject={name}").verdict == "ERR forbidden", name
    mine = d.list(ANN)[0]
    assert d.done(ANN, f"update {mine} subject=ann")["subject"] == "ann"
    assert d.ask(ANN, f"update {mine} subject=bob").verdict == "ERR forbidden"
    assert d.ask(ANN, f'update {mine} subject=""').verdict == "ERR forbidden"
    assert d.daemon.ask(f"show {mine}").lines[0]["subject"] == "ann"


def test_keys_of_imports_are_none_of_the_self_socket(daemon):
    d = UserDaemon(daemon)
    for form, named in (("list state=active policy=violated", "list with policy"), ("list by=0", "list with by"),
                        ("revoke subject=ann", "revoke with subject"),
                        ("update 7976c1770b139b2cf9d2 subject=ann by=0", "update with by")):
        reply = d.ask(ANN, form)
        assert (reply.verdict, reply["message"]) == ("ERR forbidden", f"this socket does not grant this form: {named}")
    for line in ("create digest=" + 64 * "0", "create token=" + 40 * "x", "create created=2020-01-01T00:00:00Z",
                 "create owner=uid:0", "create by=uid:0", "import digest=" + 64 * "0" + " owner=uid:0", "update {} owner=uid:1", "rotate {} token=" + 40 * "x"):
        mine = d.done(ANN, "create")["id"]
        assert d.ask(ANN, line.format(mine)).verdict in ("ERR unknown-key", "ERR forbidden"), line


def test_self_bounds_scopes_lifetime_and_number(daemon):
    d = UserDaemon(daemon, "self.max_ttl=7d", "self.max_tokens_per_subject=3")
    refused = d.ask(ANN, "create scopes=imap,admin")
    assert (refused.verdict, refused["rule"], refused["scope"], refused["policy"]) == (
        "ERR policy", "scopes", "admin", "self")
    for line in "create ttl=8d", "create expires=never":
        refused = d.ask(ANN, line)
        assert (refused.verdict, refused["rule"], refused["max"]) == ("ERR policy", "max_ttl", "7d"), line
    first = d.done(ANN, "create scopes=imap")
    assert abs(unix_time(first["expires"]) - time.time() - 7 * DAY) < 60, "without ttl= it gets the longest"
    for line in "scopes=imap,admin", "expires=never":
        assert d.ask(ANN, f"update {first['id']} {line}").verdict == "ERR policy", line
    d.done(ANN, "create")
    d.done(ANN, f"rotate {first['id']}")
    d.done(ANN, "create")
    refused = d.ask(ANN, "create")
    assert (refused.verdict, refused["rule"], refused["max"]) == ("ERR policy", "max_tokens_per_subject", "3")
    assert d.ask(ANN, f"rotate {d.list(ANN)[1]} grace=1h").verdict == "ERR policy", "the old one lasts as well"
    d.done(ANN, f"update {d.list(ANN)[1]} description=x")
    assert d.done(BOB, "create")["subject"] == "bob", "each user has a number of his own"


def test_without_scopes_in_self_no_scope_can_be_granted(daemon):
    d = UserDaemon(daemon, "self.scopes=")
    assert d.ask(ANN, "create scopes=imap").verdict == "ERR policy"
    assert "scopes" not in d.done(ANN, "create")


def test_policy_holds_besides_self(daemon):
    d = UserDaemon(daemon, "policy.max_ttl=1d", "policy.require=description", "policy staff.subject=b*",
                   "policy staff.max_ttl=2h")
    assert d.ask(ANN, "create description=x ttl=2d")["max"] == "1d"
    assert d.ask(ANN, "create ttl=1h")["missing"] == "description"
    assert d.ask(BOB, "create description=x ttl=3h")["policy"] == "staff"
    assert d.ask(ANN, "create description=x ttl=3h").verdict == "OK"


def test_policy_shows_a_user_what_holds_for_him_and_nothing_else(daemon):
    d = UserDaemon(daemon, "self.max_ttl=30d", "self.require=description", "self.max_tokens_per_subject=3",
                   "policy.max_ttl=90d", "policy.warn=3d,14d", "policy.exempt_import=root", "policy staff.subject=b*",
                   "policy staff.max_ttl=2h", "policy staff.scopes=imap", "policy svc.subject=svc-*")
    own = {"policy": "self", "default_ttl": "30d", "max_ttl": "30d", "require": "description",
           "scopes": "imap,smtp", "max_tokens": "3"}
    assert [dict(line) for line in d.done(ANN, "policy").lines] == [
        own | {"subject": "ann", "tokens": "0"}, {"policy": "", "max_ttl": "90d", "warn": "14d,3d"}]
    assert [dict(line) for line in d.done(BOB, "policy").lines] == [
        own | {"subject": "bob", "tokens": "0"},
        {"policy": "staff", "subject": "b*", "max_ttl": "2h", "scopes": "imap", "warn": "14d,3d"}]
    assert d.done(ANN, "policy")["count"] == "2"
    for role in "admin", "observe":
        lines = d.daemon.done("policy", role=role).lines
        assert [line["policy"] for line in lines] == ["self", "staff", "svc", ""]
        assert (dict(lines[0]), lines[3]["exempt_import"]) == (own, "root"), "no count: of whom?"
    assert d.ask(ANN, "policy subject=bob").verdict == "ERR unknown-key"
    assert d.ask(UNNAMED, "policy").verdict == "ERR forbidden"


def test_policy_counts_the_tokens_that_the_number_is_about(daemon):
    d = UserDaemon(daemon, "self.max_tokens_per_subject=3")
    count = lambda: d.done(ANN, "policy").lines[0]["tokens"]
    made = [d.done(ANN, "create")["id"] for _ in range(2)]
    d.daemon.create(subject="ann")
    d.done(BOB, "create")
    assert count() == "3" and d.ask(ANN, "create")["rule"] == "max_tokens_per_subject"
    d.done(ANN, f"revoke {made[0]}")
    assert count() == "2"
    d.done(ANN, f"update {made[1]} ttl=1s")
    eventually(lambda: count() == "1", "what has expired does not count")
    d.daemon.restart()
    assert count() == "1"


def test_policy_tells_users_that_they_can_grant_no_scope(daemon):
    d = UserDaemon(daemon, "self.scopes=", "self.max_ttl=0s", "self.max_tokens_per_subject=0")
    assert [dict(line) for line in d.done(ANN, "policy").lines] == [
        {"policy": "self", "scopes": "", "subject": "ann", "tokens": "0"}, {"policy": ""}]
    d = UserDaemon(daemon, "self.default_ttl=1d")
    assert (d.done(ANN, "policy").lines[0]["default_ttl"], d.done(ANN, "policy").lines[0]["max_ttl"]) == ("1d", "90d")


def test_policy_has_no_line_of_self_where_there_is_no_such_socket(daemon):
    d = daemon("self.scopes=imap", config="")
    assert [line["policy"] for line in d.done("policy").lines] == [""]


def test_a_reload_changes_what_users_may(daemon):
    d = UserDaemon(daemon, config="[self]\nmax_ttl = 1d\n")
    assert d.ask(ANN, "create ttl=2d").verdict == "ERR policy"
    assert d.done(ANN, "policy").lines[0]["max_ttl"] == "1d"
    d.daemon.configure("[self]\nmax_ttl = 3d\n")
    before = d.daemon.log().count("configuration reloaded")
    d.daemon.reload()
    eventually(lambda: d.daemon.log().count("configuration reloaded") > before, "it is reloaded")
    assert d.ask(ANN, "create ttl=2d").verdict == "OK"
    assert d.done(ANN, "policy").lines[0]["max_ttl"] == "3d"


def test_the_administrators_token_for_a_user_is_listed_shown_and_revoked_by_her(daemon):
    d = UserDaemon(daemon)
    given = d.daemon.create(subject="ann", scopes="deploy", description="by the administrator")
    assert d.list(ANN) == [given["id"]]
    assert d.done(ANN, f"show {given['id']}").lines[0]["scopes"] == "deploy"
    for line in f"rotate {given['id']}", f"update {given['id']} description=mine":
        assert d.ask(ANN, line).verdict == "ERR policy", "it has more than she may give herself"
    assert d.daemon.verify(given["token"], scope="deploy") == "OK"
    assert d.done(ANN, f"revoke {given['id']}")["state"] == "revoked"
    assert d.daemon.verify(given["token"]) == "NO revoked"


def test_an_administrators_token_within_self_can_be_rotated_and_is_then_hers(daemon):
    d = UserDaemon(daemon)
    given = d.daemon.create(subject="ann", scopes="imap")
    new = d.done(ANN, f"rotate {given['id']}")
    assert "expires" in new, "what lasted for ever ends now as [self] has it"
    assert d.daemon.ask(f"show {new['id']}").lines[0]["owner"] == f"uid:{ANN}"


def test_lists_pages_and_filters_have_the_users_own_tokens_alone(daemon):
    d = UserDaemon(daemon, "self.max_tokens_per_subject=0")
    made = d.create_many([f"create subject={name} description=both scopes=imap" for _ in range(130)
                          for name in ("bob", "ann")])
    mine = [reply["id"] for reply in made[1::2]]
    assert d.list(ANN) == d.list(ANN, "scope=imap") == d.list(ANN, "match=both") == mine
    assert d.list(ANN, "subject=ann") == mine and d.list(ANN, "subject=bob") == []
    found, after = [], ""
    while after is not None:
        page = d.done(ANN, f"list limit=7{after}")
        found += [line["id"] for line in page.lines]
        after = f" after={page['next']}" if "next" in page else None
    assert found == mine
    d.daemon.restart()
    assert d.list(ANN) == mine


def test_the_list_follows_what_an_administrator_does(daemon):
    d = UserDaemon(daemon)
    assert d.list(ANN) == []
    one, two = (d.daemon.create(subject=name)["id"] for name in ("ann", "bob"))
    own = d.done(ANN, "create")["id"]
    assert d.list(ANN) == [one, own]
    d.daemon.done(f"update {two} subject=ann")
    d.daemon.done(f"update {one} subject=bob")
    assert (d.list(ANN), d.list(BOB)) == ([two, own], [one])
    d.daemon.done(f"update {own} subject=bob")
    assert own in d.list(BOB), "an administrator gave it to bob"
    d.daemon.done(f"delete {two}")
    assert d.list(ANN) == []
    d.daemon.done(f"import digest={64 * 'a'} subject=ann created=2020-01-01T00:00:00Z")
    last = d.daemon.create(subject="ann")["id"]
    assert d.list(ANN) == [20 * "a", last], "the oldest comes first"


def test_who_holds_a_value_may_revoke_it_on_the_self_socket(daemon):
    d = UserDaemon(daemon)
    other = d.daemon.create(subject="bob", description="secret", scopes="x")
    reply = d.done(ANN, f'revoke token="{other["token"]}"')
    assert sorted(reply.final.keys()) == ["id", "state"], "no more than on the verify socket"
    assert d.daemon.verify(other["token"]) == "NO revoked"


def test_a_rotation_by_an_administrator_leaves_the_token_the_users(daemon):
    d = UserDaemon(daemon)
    old = d.done(ANN, "create")["id"]
    new = d.daemon.done(f"rotate {old}")["id"]
    assert d.daemon.ask(f"show {new}").lines[0]["owner"] == f"uid:{ANN}"
    d.done(ANN, f"update {new} description=mine")
