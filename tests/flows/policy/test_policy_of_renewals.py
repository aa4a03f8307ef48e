# SPDX-License-Identifier: Apache-2.0
"""The policy judges every way to a longer life or more scopes: renewals, rotations, changes of many, imports."""
import hashlib
import time

import pytest

from jeton_command import jeton
from reloading import reconfigure
from timestamp import stamp, unix_time
from users import ANN, UserDaemon

DAY = 86400
POLICY = "[policy]\nmax_ttl = 90d\nscopes = read,write\n"


def refusal(reply):
    """The fields of a refusal, but for its message."""
    assert reply.verdict == "ERR policy", reply
    return {key: value for key, value in reply.final.items() if key != "message"}


def days_left(line):
    return round((unix_time(line["expires"]) - time.time()) / DAY)


def test_renewal_by_ttl_is_judged_like_a_new_token(daemon):
    d = daemon(config=POLICY)
    token = d.create(ttl="10d", scopes="read")
    for request in f"update {token['id']} ttl=91d", f"rotate {token['id']} ttl=91d", f"rotate {token['id']} expires=never":
        assert refusal(d.ask(request)) == {"rule": "max_ttl", "max": "90d"}, request
    assert days_left(d.done(f"update {token['id']} ttl=90d")) == 90
    new = d.done(f"rotate {token['id']} ttl=90d grace=1h")
    assert days_left(new) == 90 and d.verify(token["token"]) == d.verify(new["token"]) == "OK"


def test_rotation_in_a_grace_inherits_no_more_than_the_policy_allows(daemon):
    d = daemon(config="")
    token = d.create()
    first = d.done(f"rotate {token['id']} grace=1h")
    assert "expires" not in first
    reconfigure(d, POLICY)
    assert days_left(d.done(f"rotate {token['id']}")) == 90, "the grace was an hour, the lifetime before unlimited"
    assert days_left(d.done(f"rotate {first['id']}")) == 90


def test_change_of_many_that_the_policy_refuses_for_one_names_token_and_rule_and_changes_none(daemon):
    d = daemon(config="")
    first = d.create(subject="team", ttl="5d")
    wide = d.create(subject="team", ttl="5d", scopes="admin")
    last = d.create(subject="team")
    reconfigure(d, POLICY)
    before, journal = d.done("export").data, d.done("journal").data
    reply = d.ask("update subject=team ttl=91d count=3")
    assert refusal(reply) == {"id": first["id"], "rule": "max_ttl", "max": "90d"}
    reply = d.ask("update subject=team scopes=read,root count=3")
    assert refusal(reply) == {"id": first["id"], "rule": "scopes", "scope": "root"}
    reply = d.ask("update subject=team scopes=admin count=3")
    assert refusal(reply)["rule"] == "scopes" and refusal(reply)["id"] in (first["id"], last["id"])
    assert (d.done("export").data, d.done("journal").data) == (before, journal)
    assert d.done("update subject=team ttl=80d count=3")["changed"] == "3"
    assert {days_left(line) for line in d.list(subject="team")} == {80}
    assert next(line for line in d.list() if line["id"] == wide["id"])["scopes"] == "admin", "what it had, it keeps"
    done = jeton(d.path(), "update", "subject=team", "ttl=91d", "--yes")
    assert done.status != 0 and "policy" in done.err and days_left(d.list()[0]) == 80, done


def test_what_breaks_the_policy_is_renewed_or_revoked_by_one_request(daemon):
    d = daemon(config="")
    eternal, good = [d.create(subject="a") for _ in range(3)], d.create(ttl="1d")
    reconfigure(d, POLICY)
    assert d.done("update policy=violated ttl=30d count=3")["changed"] == "3"
    assert d.list(policy="violated") == [] and {days_left(line) for line in d.list(subject="a")} == {30}
    reconfigure(d, "[policy]\nmax_ttl = 2d\n")
    assert d.done("revoke policy=violated count=3")["changed"] == "3"
    assert [d.verify(token["token"]) for token in (*eternal, good)] == ["NO revoked"] * 3 + ["OK"]


@pytest.mark.parametrize("exempt", [False, True])
def test_import_by_sha256_is_judged_like_any_import(daemon, exempt):
    d = daemon(config=POLICY + "exempt_import = root\n" * exempt)
    lines = [f"import digest={hashlib.sha256(bytes([n]) * 40).hexdigest()} digest_alg=sha256" for n in range(3)]
    verdicts = [d.ask(line).verdict for line in (lines[0], lines[1] + " ttl=9d scopes=root", lines[2] + " ttl=9d scopes=read")]
    assert verdicts == (["OK"] * 3 if exempt else ["ERR policy", "ERR policy", "OK"])


def test_users_renewals_are_judged_by_self_and_by_the_policy(daemon):
    d = UserDaemon(daemon, "self.max_ttl=30d", "policy.max_ttl=20d")
    mine = d.done(ANN, "create scopes=imap ttl=5d")
    for request in "update {} ttl={}", "rotate {} ttl={}":
        refused = refusal(d.ask(ANN, request.format(mine["id"], "31d")))
        assert refused == {"rule": "max_ttl", "max": "30d", "policy": "self"}, request
        assert refusal(d.ask(ANN, request.format(mine["id"], "21d"))) == {"rule": "max_ttl", "max": "20d"}, request
    assert days_left(d.done(ANN, f"update {mine['id']} ttl=20d")) == 20
    new = d.done(ANN, f"rotate {mine['id']} ttl=7d grace=1h")
    assert days_left(new) == 7 and d.daemon.verify(mine["token"]) == "OK"
    assert refusal(d.ask(ANN, f"rotate {new['id']} expires={stamp(time.time() + 40 * DAY)}"))["policy"] == "self"
