# SPDX-License-Identifier: Apache-2.0
"""What each changing verb does, and what it refuses."""
import os
import time

from harness import Daemon, claim, eventually, same, stamp, unix_time
from value import id_of, value_new


@claim
def created_token_is_listed_with_all_that_was_said():
    with Daemon() as d:
        text = 'Ünïcödé "quoted" back\\slash, comma'
        token = d.create(description=text, subject="svc/α", scopes="b,a,b", ttl="90d", delay="5m")
        line = d.done(f"show {token['id']}").lines[0]
        same({key: line[key] for key in ("state", "description", "subject", "scopes", "by")},
             {"state": "pending", "description": text, "subject": "svc/α", "scopes": "a,b",
              "by": f"uid:{os.getuid()}"})
        created = unix_time(line["created"])
        assert abs(created - time.time()) < 60
        same(unix_time(line["expires"]) - created, 90 * 86400)
        same(unix_time(line["activates"]) - created, 300)


@claim
def update_changes_what_is_given_and_nothing_else():
    with Daemon() as d:
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
            same(shown(), after, change)
        d.done(f"update {token['id']} subject=eve scopes=q")
        same(d.verify(token["token"], subject="eve", scope="q"), "OK", "the table follows")
        same(d.verify(token["token"], subject="ann"), "NO subject")
        d.done(f"update {token['id']} expires={stamp(time.time() - 5)}")
        same(d.verify(token["token"]), "NO expired")


@claim
def revocation_is_final():
    with Daemon() as d:
        token = d.create()
        same(d.done(f"revoke {token['id']}")["state"], "revoked")
        same(d.done(f"revoke {token['id']}")["state"], "revoked", "again")
        exported = d.done("export").data
        for line in ("enable {}", "disable {}", "update {} description=x", "rotate {}"):
            same(d.ask(line.format(token["id"])).verdict, "NO revoked", line)
        same(d.done("export").data, exported, "what was refused is nowhere to be seen")
        same(d.verify(token["token"]), "NO revoked")
        same(d.done(f"show {token['id']}").lines[0]["state"], "revoked", "it stays listed")


@claim
def holder_of_a_value_may_revoke_it_through_the_verify_socket():
    with Daemon() as d:
        token = d.create()
        same(d.ask(f"revoke {token['id']}", "verify").verdict, "ERR forbidden", "by id, it may not")
        same(d.verify(token["token"]), "OK")
        same(d.done(f"revoke token={token['token']}", "verify")["state"], "revoked")
        same(d.verify(token["token"]), "NO revoked")
        same(d.ask(f"revoke token={value_new()}", "verify").verdict, "NO unknown")


@claim
def rotation_gives_a_new_value_with_the_same_claims():
    with Daemon() as d:
        old = d.create(description="ci", subject="ann", scopes="a,b", ttl="30d")
        new = d.done(f"rotate {old['id']}")
        same(new["replaces"], old["id"])
        same(new["id"], id_of(new["token"]))
        same(d.verify(new["token"], subject="ann", scope="a,b"), "OK")
        same(d.verify(old["token"]), "NO revoked", "without grace the old one ends at once")
        was, now = d.list()
        same([now[key] for key in ("description", "subject", "scopes", "expires")],
             [was[key] for key in ("description", "subject", "scopes", "expires")])


@claim
def rotated_token_lives_until_its_grace_ends():
    with Daemon() as d:
        old = d.create()
        new = d.done(f"rotate {old['id']} grace=2s")
        same(d.verify(old["token"]), "OK")
        same(d.verify(new["token"]), "OK")
        eventually(lambda: d.verify(old["token"]) == "NO expired", "the grace ends", every=0.02)
        same(d.verify(new["token"]), "OK")


@claim
def tokens_that_are_not_there_are_unknown_and_bad_ids_are_errors():
    with Daemon() as d:
        for verb in "show", "revoke", "disable", "enable", "update", "rotate", "delete":
            same(d.ask(f"{verb} {'0' * 20}").verdict, "NO unknown", verb)
            for bad in "0" * 19, "0" * 21, "x" * 20, value_new():
                reply = d.ask(f"{verb} {bad}")
                same(reply.verdict, "ERR bad-value", f"{verb} {bad}")
                assert bad[4:] not in reply.final.raw or len(bad) < 30, "an error quotes no value"
        same(d.list(), [])


@claim
def claims_out_of_bounds_are_refused_and_mint_nothing():
    many = ",".join(f"s{i}" for i in range(33))
    bad = ["ttl=0s", "ttl=10", "ttl=-1s", "ttl=1w", "ttl=2000y", "delay=soon", "expires=tomorrow",
           "expires=2020-01-01T00:00:00Z", "expires=2026-02-30T00:00:00Z", "activates=1",
           "ttl=1h delay=2h", f"scopes={many}", "scopes=a,,b", 'scopes="a b"',
           f"scopes={'s' * 65}", f"subject={'s' * 257}", f"description={'d' * 1025}"]
    with Daemon() as d:
        for claims in bad:
            same(d.ask(f"create {claims}").verdict, "ERR bad-value", claims)
        same(d.list(), [])
        fits = ",".join(f"{i:02}" + "s" * 62 for i in range(32))
        d.create(scopes=fits, subject="s" * 256, description="d" * 1024)
        same(d.list()[0]["scopes"], fits)


@claim
def deleted_token_is_gone_for_good():
    with Daemon() as d:
        token, other = d.create(), d.create()
        same(d.done(f"delete {token['id']}")["state"], "deleted")
        same(d.ask(f"show {token['id']}").verdict, "NO unknown")
        d.restart()
        same(d.verify(token["token"]), "NO unknown")
        same([line["id"] for line in d.list()], [other["id"]])


@claim
def ended_tokens_are_removed_after_the_retention():
    with Daemon("daemon.retention=1s") as d:
        revoked, expired, kept = d.create(), d.create(ttl="1s"), d.create()
        d.done(f"revoke {revoked['id']}")
        eventually(lambda: [line["id"] for line in d.list()] == [kept["id"]],
                   "they are removed", within=20, every=0.1)
        purged = [e["id"] for e in d.done("journal").lines if e["event"] == "purge"]
        same(sorted(purged), sorted([revoked["id"], expired["id"]]))
        same(d.verify(revoked["token"]), "NO unknown")
        same(d.verify(kept["token"]), "OK")


@claim
def last_use_is_shown_and_survives_a_restart():
    with Daemon() as d:
        token, other = d.create(), d.create()
        before = int(time.time())
        same(d.verify(token["token"]), "OK")
        d.done(f"used {other['id']}", "verify")
        d.done(f"used {'0' * 20}", "verify")
        def uses():
            return [int(unix_time(line["used"])) for line in d.list() if "used" in line]
        eventually(lambda: len(uses()) == 2, "both are shown as used")
        assert all(before <= used <= time.time() for used in uses()), uses()
        shown = uses()
        d.restart()
        same(uses(), shown)
