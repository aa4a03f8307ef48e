# SPDX-License-Identifier: Apache-2.0
"""What verify answers, and in which precedence."""
import secrets
import time

from client import quote
from harness import Daemon, claim, eventually, same, stamp, unix_time
from value import altered, id_of, value_new


@claim
def good_value_is_accepted_with_its_claims():
    with Daemon() as d:
        token = d.create(subject="ann", scopes="write,read", ttl="1h")
        reply = d.done(f"verify {token['token']}", "verify")
        same({key: reply[key] for key in ("id", "subject", "scopes", "expires", "verifier")},
             {"id": token["id"], "subject": "ann", "scopes": "read,write",
              "expires": token["expires"], "verifier": "local"})
        assert abs(unix_time(token["expires"]) - time.time() - 3600) < 60, token


@claim
def identifier_never_authenticates():
    with Daemon() as d:
        token = d.create()
        for text in token["id"], token["id"].upper(), "0" * 20:
            same(d.verify(text), "NO identifier", text)


@claim
def mistyped_value_is_malformed_wherever_the_mistake_is():
    with Daemon() as d:
        value = d.create()["token"]
        lines = [f"verify {altered(value, at)}" for at in range(4, len(value))]
        verdicts = [reply.verdict for reply in d.client("verify").pipeline(lines)]
        same(verdicts, ["NO malformed"] * len(lines))
        for text in value[:-1], value + "0", value[:30], "x", "x" * 31, "x" * 513, '""':
            same(d.verify(text), "NO malformed", text)


@claim
def text_that_is_not_in_the_table_is_unknown():
    with Daemon() as d:
        token = d.create()
        texts = [value_new(), "x" * 32, "x" * 512, "ghp_" + "a" * 36, value_new("other")]
        for text in texts:
            same(d.verify(text), "NO unknown", text)
        d.done(f"delete {token['id']}")
        same(d.verify(token["token"]), "NO unknown", "a deleted token")


@claim
def pending_token_says_when_and_then_becomes_active():
    with Daemon() as d:
        token = d.create(delay="2s", subject="ann")
        same(token["state"], "pending")
        reply = d.ask(f"verify {token['token']}", "verify")
        same(reply.verdict, "NO pending")
        assert 1 <= int(reply["retry_after"]) <= 2, reply
        eventually(lambda: d.verify(token["token"]) == "OK", "it becomes active", every=0.02)
        assert time.time() >= unix_time(token["activates"]), "not before its time"
        same(d.done(f"show {token['id']}").lines[0]["state"], "active")


@claim
def token_expires_at_its_time():
    with Daemon() as d:
        token = d.create(ttl="1s", scopes="a")
        eventually(lambda: d.verify(token["token"]) == "NO expired", "it expires", every=0.02)
        assert time.time() >= unix_time(token["expires"]), "not before its time"
        same(d.verify(token["token"], scope="b", subject="x"), "NO expired", "state comes first")
        same(d.done(f"show {token['id']}").lines[0]["state"], "expired")


@claim
def disabled_token_is_refused_until_it_is_enabled():
    with Daemon() as d:
        token = d.create()
        for _ in range(2):
            same(d.done(f"disable {token['id']}")["state"], "disabled")
            same(d.verify(token["token"]), "NO disabled")
            same(d.done(f"enable {token['id']}")["state"], "active")
            same(d.verify(token["token"]), "OK")


@claim
def scopes_must_all_be_there():
    with Daemon() as d:
        value = d.create(scopes="deploy,repo:read,x.y/z-*_1")["token"]
        for wanted, verdict in (("deploy", "OK"), ("repo:read,deploy", "OK"),
                                ("x.y/z-*_1", "OK"), ("deploy,admin", "NO scope"),
                                ("deplo", "NO scope"), ("deploy2", "NO scope"),
                                ("Deploy", "NO scope"), ("", "ERR bad-value"),
                                ("a b", "ERR bad-value"), (",", "ERR bad-value")):
            same(d.verify(value, scope=wanted), verdict, wanted)
        same(d.verify(d.create()["token"], scope="deploy"), "NO scope", "a token without scopes")


@claim
def subject_must_be_the_same():
    with Daemon() as d:
        value = d.create(subject="ann")["token"]
        for wanted, verdict in (("ann", "OK"), ("bob", "NO subject"), ("an", "NO subject"),
                                ("Ann", "NO subject"), ("", "NO subject")):
            same(d.verify(value, subject=wanted), verdict, wanted)
        anybody = d.create()["token"]
        same(d.verify(anybody, subject="ann"), "NO subject")


@claim
def states_come_before_subject_and_subject_before_scope():
    with Daemon() as d:
        def imported(**claims):
            value = value_new()
            d.done(f"import token={value} subject=ann scopes=a" +
                   "".join(f" {key}={text}" for key, text in claims.items()))
            return value
        past, future = stamp(time.time() - 3600), stamp(time.time() + 3600)
        pending = {"activates": future}
        expired = {"created": stamp(time.time() - 7200), "expires": past}
        for claims, verdict in (
                ({}, "NO subject"),
                (pending, "NO pending"),
                (expired, "NO expired"),
                (expired | {"disabled": past}, "NO disabled"),
                (pending | {"disabled": past}, "NO disabled"),
                (expired | {"disabled": past, "revoked": past}, "NO revoked"),
                (pending | {"revoked": past}, "NO revoked")):
            value = imported(**claims)
            same(d.verify(value, scope="b", subject="bob"), verdict, claims)
            state = d.done(f"show {id_of(value)}").lines[0]["state"]
            same(state, "active" if verdict == "NO subject" else verdict[3:], claims)
        value = imported()
        same(d.verify(value, scope="b", subject="ann"), "NO scope")
        same(d.verify(value, scope="a", subject="ann"), "OK")


@claim
def values_issued_elsewhere_go_on_working():
    values = ["ghp_" + secrets.token_hex(18), secrets.token_urlsafe(32), "x" * 32, "~" * 512,
              'quote " backslash \\ and space: all printable', value_new("other")]
    with Daemon() as d:
        for value in values:
            same(d.verify(quote(value)), "NO unknown", value)
            reply = d.done(f"import token={quote(value)} subject=old created=2020-01-01T00:00:00Z")
            same((reply["id"], reply["created"]), (id_of(value), "2020-01-01T00:00:00Z"))
            assert "token" not in reply, "an import does not repeat the value"
            same(d.verify(quote(value), subject="old"), "OK", value)
            same(d.ask(f"import token={quote(value)}").verdict, "ERR exists")


@claim
def import_refuses_what_verify_would_never_look_up():
    mistyped = altered(value_new(), 20)
    with Daemon() as d:
        for token, verdict in (("x" * 31, "ERR too-short"), ("", "ERR too-short"),
                               ("x" * 513, "ERR bad-value"), ("é" * 32, "ERR bad-value"),
                               ("tab\t" * 16, "ERR bad-value"), (mistyped, "ERR bad-value")):
            same(d.ask(f"import token={quote(token)}").verdict, verdict, token)
        for digest in "0" * 63, "0" * 65, "g" * 64, "":
            same(d.ask(f"import digest={quote(digest)}").verdict, "ERR bad-value", digest)
        same(d.list(), [])
