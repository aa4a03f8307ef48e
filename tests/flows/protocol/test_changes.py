# SPDX-License-Identifier: Apache-2.0
"""What each changing verb does, and what it refuses."""
import os
import time

from timestamp import stamp, unix_time
from value import id_of, value_new
from waiting import eventually


def test_created_token_is_listed_with_all_its_claims(daemon):
    d = daemon()
    text = 'Ünïcödé "quoted" back\\slash, comma'
    token = d.create(description=text, subject="svc/α", scopes="b,a,b", ttl="90d", delay="5m")
    line = d.done(f"show {token['id']}").lines[0]
    assert ({key: line[key] for key in ("state", "description", "subject", "scopes", "by")} ==
            {"state": "pending", "description": text, "subject": "svc/α", "scopes": "a,b",
             "by": f"uid:{os.getuid()}"})
    created = unix_time(line["created"])
    assert abs(created - time.time()) < 60
    assert unix_time(line["expires"]) - created == 90 * 86400
    assert unix_time(line["activates"]) - created == 300


def test_update_changes_what_is_given_and_nothing_else(daemon):
    d = daemon()
    token = d.create(description="a", subject="ann", scopes="x", ttl="1h")
    def shown():
        line = d.done(f"show {token['id']}").lines[0]
        return [line.get(key) for key in ("description", "subject", "scopes", "expires")]
    expires = token["expires"]
    for change, after in (
            ("description=b", ["b", "ann", "x", expires]),
            ("subject=bob scopes=y,z", ["b", "bob", "y,z", expires]),
            ('subject="" scopes=""', ["b", None, None, expires]),
            ("expires=2099-01-01T00:00:00Z", ["b", None, None, "2099-01-01T00:00:00Z"]),
            ("expires=never", ["b", None, None, None])):
        d.done(f"update {token['id']} {change}")
        assert shown() == after, change
    d.done(f"update {token['id']} subject=eve scopes=q")
    assert d.verify(token["token"], subject="eve", scope="q") == "OK", "the table follows"
    assert d.verify(token["token"], subject="ann") == "NO subject"
    d.done(f"update {token['id']} ttl=1s")
    eventually(lambda: d.verify(token["token"]) == "NO expired", "the table follows the new expiry")


def test_change_that_changes_nothing_is_ok_and_leaves_no_entry(daemon):
    d = daemon()
    token = d.create(subject="ci", scopes="a,b", description="x", ttl="1d")
    stopped = d.create()
    d.done(f"disable {stopped['id']}")
    newest = d.stats()["journal_newest"]
    for line in (f"enable {token['id']}", f"disable {stopped['id']}", f"update {token['id']} scopes=b,a,b",
                 f"update {token['id']} subject=ci description=x expires={token['expires']}"):
        reply = d.done(line)
        assert reply["state"] == ("disabled" if line.startswith("disable") else "active"), line
        assert d.stats()["journal_newest"] == newest, line
    d.done(f"update {token['id']} subject=ci scopes=a description=x")
    entry = d.done("journal event=update").lines[-1]
    assert entry["old_scopes"] == "a,b" and "old_subject" not in entry
    d.done(f"enable {stopped['id']}")
    assert d.verify(stopped["token"]) == "OK"
    d.restart()
    assert d.verify(stopped["token"]) == "OK"


def test_update_gives_no_expiry_in_the_past_and_revives_no_expired_token(daemon):
    d = daemon()
    token = d.create(description="a")
    assert d.ask(f"update {token['id']} expires={stamp(time.time() - 5)}").verdict == "ERR bad-value"
    assert d.verify(token["token"]) == "OK"
    d.done(f"update {token['id']} ttl=1s")
    eventually(lambda: d.verify(token["token"]) == "NO expired", "it expires")
    for expires in "never", "2099-01-01T00:00:00Z", stamp(time.time() - 5):
        assert d.ask(f"update {token['id']} description=b expires={expires}").verdict == "NO expired"
    d.done(f"update {token['id']} subject=ann")
    assert d.verify(token["token"]) == "NO expired"
    shown = d.done(f"show {token['id']}").lines[0]
    assert (shown["state"], shown["description"], shown["subject"]) == ("expired", "a", "ann")


def test_revocation_is_final(daemon):
    d = daemon()
    token = d.create()
    assert d.done(f"revoke {token['id']}")["state"] == "revoked"
    assert d.done(f"revoke {token['id']}")["state"] == "revoked", "again"
    exported = d.done("export").data
    for line in ("enable {}", "disable {}", "update {} description=x", "rotate {}"):
        assert d.ask(line.format(token["id"])).verdict == "NO revoked", line
    assert d.done("export").data == exported, "what was refused is nowhere to be seen"
    assert d.verify(token["token"]) == "NO revoked"
    assert d.done(f"show {token['id']}").lines[0]["state"] == "revoked", "it stays listed"


def test_holder_of_a_value_may_revoke_it_through_the_verify_socket(daemon):
    d = daemon()
    token = d.create()
    assert d.ask(f"revoke {token['id']}", "verify").verdict == "ERR forbidden", (
        "by id, it may not")
    assert d.verify(token["token"]) == "OK"
    assert d.done(f"revoke token={token['token']}", "verify")["state"] == "revoked"
    assert d.verify(token["token"]) == "NO revoked"
    assert d.ask(f"revoke token={value_new()}", "verify").verdict == "NO unknown"


def test_rotation_gives_a_new_value_with_the_same_claims(daemon):
    d = daemon()
    old = d.create(description="ci", subject="ann", scopes="a,b", ttl="30d")
    new = d.done(f"rotate {old['id']}")
    assert new["replaces"] == old["id"]
    assert new["id"] == id_of(new["token"])
    assert d.verify(new["token"], subject="ann", scope="a,b") == "OK"
    assert d.verify(old["token"]) == "NO revoked", "without grace the old one ends at once"
    was, now = d.list()
    assert ([now[key] for key in ("description", "subject", "scopes", "expires")] ==
            [was[key] for key in ("description", "subject", "scopes", "expires")])


def test_rotated_token_lives_until_its_grace_ends(daemon):
    d = daemon()
    old = d.create()
    new = d.done(f"rotate {old['id']} grace=2s")
    end = unix_time(d.done(f"show {old['id']}").lines[0]["expires"])
    assert d.verify(old["token"]) == "OK" or time.time() >= end
    assert d.verify(new["token"]) == "OK"
    eventually(lambda: d.verify(old["token"]) == "NO expired", "the grace ends", every=0.02)
    assert time.time() >= end, "not before its time"
    assert d.verify(new["token"]) == "OK"


def test_tokens_that_are_not_there_are_unknown_and_bad_ids_are_errors(daemon):
    d = daemon()
    for verb in "show", "revoke", "disable", "enable", "update", "rotate", "delete":
        assert d.ask(f"{verb} {'0' * 20}").verdict == "NO unknown", verb
        for bad in "0" * 19, "0" * 21, "x" * 20, value_new():
            reply = d.ask(f"{verb} {bad}")
            assert reply.verdict == "ERR bad-value", f"{verb} {bad}"
            assert bad[4:] not in reply.final.raw or len(bad) < 30, "an error quotes no value"
    assert d.list() == []


def test_claims_out_of_bounds_are_refused_and_mint_nothing(daemon):
    many = ",".join(f"s{i}" for i in range(33))
    bad = ["ttl=0s", "ttl=10", "ttl=-1s", "ttl=1mo", "ttl=2000y", "delay=soon", "expires=tomorrow",
           "expires=2020-01-01T00:00:00Z", "expires=2026-02-30T00:00:00Z", "activates=1",
           "ttl=1h delay=2h", f"scopes={many}", "scopes=a,,b", 'scopes="a b"',
           f"scopes={'s' * 65}", f"subject={'s' * 257}", f"description={'d' * 1025}"]
    d = daemon()
    for claims in bad:
        assert d.ask(f"create {claims}").verdict == "ERR bad-value", claims
    assert d.list() == []
    fits = ",".join(f"{i:02}" + "s" * 62 for i in range(32))
    d.create(scopes=fits, subject="s" * 256, description="d" * 1024)
    assert d.list()[0]["scopes"] == fits


def test_deleted_token_is_gone_for_good(daemon):
    d = daemon()
    token, other = d.create(), d.create()
    assert d.done(f"delete {token['id']}")["state"] == "deleted"
    assert d.ask(f"show {token['id']}").verdict == "NO unknown"
    d.restart()
    assert d.verify(token["token"]) == "NO unknown"
    assert [line["id"] for line in d.list()] == [other["id"]]


def test_ended_tokens_are_removed_after_the_retention(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes")
    revoked, expired, kept = d.create(), d.create(ttl="1s"), d.create()
    d.done(f"revoke {revoked['id']}")
    eventually(lambda: [line["id"] for line in d.list()] == [kept["id"]],
               "they are removed", every=0.1)
    purged = [e["id"] for e in d.done("journal").lines if e["event"] == "purge"]
    assert sorted(purged) == sorted([revoked["id"], expired["id"]])
    assert d.verify(revoked["token"]) == "NO unknown"
    assert d.verify(kept["token"]) == "OK"


def test_last_use_is_shown_and_survives_a_restart(daemon):
    d = daemon()
    token, other = d.create(), d.create()
    before = int(time.time() - 0.1)     # the daemon reads a clock that is some milliseconds behind
    assert d.verify(token["token"]) == "OK"
    d.done(f"used {other['id']}", "verify")
    d.done(f"used {'0' * 20}", "verify")
    def uses():
        return [int(unix_time(line["used"])) for line in d.list() if "used" in line]
    eventually(lambda: len(uses()) == 2, "both are shown as used")
    assert all(before <= used <= time.time() for used in uses()), uses()
    shown = uses()
    d.restart()
    assert uses() == shown
