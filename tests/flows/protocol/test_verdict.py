# SPDX-License-Identifier: Apache-2.0
"""What verify answers, and in which precedence."""
import secrets
import time

from client import quote
from jeton_command import jeton
from timestamp import stamp, unix_time
from value import altered, id_of, value_new
from waiting import eventually


def test_good_value_is_accepted_with_its_claims(daemon):
    d = daemon()
    token = d.create(subject="ann", scopes="write,read", ttl="1h")
    reply = d.done(f"verify {token['token']}", "verify")
    assert ({key: reply[key] for key in ("id", "subject", "scopes", "expires", "verifier")} ==
            {"id": token["id"], "subject": "ann", "scopes": "read,write",
             "expires": token["expires"], "verifier": "local"})
    assert abs(unix_time(token["expires"]) - time.time() - 3600) < 60, token


def test_identifier_never_authenticates(daemon):
    d = daemon()
    token = d.create()
    for text in token["id"], token["id"].upper(), "0" * 20:
        assert d.verify(text) == "NO identifier", text


def test_mistyped_value_is_malformed_wherever_the_mistake_is(daemon):
    d = daemon()
    value = d.create()["token"]
    lines = [f"verify {altered(value, at)}" for at in range(4, len(value))]
    verdicts = [reply.verdict for reply in d.client("verify").pipeline(lines)]
    assert verdicts == ["NO malformed"] * len(lines)
    for text in value[:-1], value + "0", value[:30], "x", "x" * 31, '""':
        assert d.verify(text) == "NO malformed", text


def test_text_that_is_not_in_the_table_is_unknown(daemon):
    d = daemon()
    token = d.create()
    texts = [value_new(), "x" * 32, "x" * 8184, "ghp_" + "a" * 36, value_new("other")]
    for text in texts:
        assert d.verify(text) == "NO unknown", text
    d.done(f"delete {token['id']}")
    assert d.verify(token["token"]) == "NO unknown", "a deleted token"


def test_pending_token_shows_when_and_then_becomes_active(daemon):
    d = daemon()
    token = d.create(delay="2s", subject="ann")
    assert token["state"] == "pending"
    reply = d.ask(f"verify {token['token']}", "verify")
    if reply.verdict == "NO pending":
        assert 1 <= int(reply["retry_after"]) <= 2, reply
    else:
        assert reply.verdict == "OK" and time.time() >= unix_time(token["activates"]), reply
    eventually(lambda: d.verify(token["token"]) == "OK", "it becomes active", every=0.02)
    assert time.time() >= unix_time(token["activates"]), "not before its time"
    assert d.done(f"show {token['id']}").lines[0]["state"] == "active"


def test_token_expires_at_its_time(daemon):
    d = daemon()
    token = d.create(ttl="1s", scopes="a")
    eventually(lambda: d.verify(token["token"]) == "NO expired", "it expires", every=0.02)
    assert time.time() >= unix_time(token["expires"]), "not before its time"
    assert d.verify(token["token"], scope="b", subject="x") == "NO expired", "state comes first"
    assert d.done(f"show {token['id']}").lines[0]["state"] == "expired"


def test_disabled_token_is_refused_until_it_is_enabled(daemon):
    d = daemon()
    token = d.create()
    for _ in range(2):
        assert d.done(f"disable {token['id']}")["state"] == "disabled"
        assert d.verify(token["token"]) == "NO disabled"
        assert d.done(f"enable {token['id']}")["state"] == "active"
        assert d.verify(token["token"]) == "OK"


def test_scopes_must_all_be_there(daemon):
    d = daemon()
    value = d.create(scopes="deploy,repo:read,x.y/z-*_1")["token"]
    for wanted, verdict in (("deploy", "OK"), ("repo:read,deploy", "OK"),
                            ("x.y/z-*_1", "OK"), ("deploy,admin", "NO scope"),
                            ("deplo", "NO scope"), ("deploy2", "NO scope"),
                            ("Deploy", "NO scope"), ("", "ERR bad-value"),
                            ("a b", "ERR bad-value"), (",", "ERR bad-value")):
        assert d.verify(value, scope=wanted) == verdict, wanted
    assert d.verify(d.create()["token"], scope="deploy") == "NO scope", "a token without scopes"


def test_subject_must_be_the_same(daemon):
    d = daemon()
    value = d.create(subject="ann")["token"]
    for wanted, verdict in (("ann", "OK"), ("bob", "NO subject"), ("an", "NO subject"),
                            ("Ann", "NO subject"), ("", "NO subject")):
        assert d.verify(value, subject=wanted) == verdict, wanted
    anybody = d.create()["token"]
    assert d.verify(anybody, subject="ann") == "NO subject"


def test_states_come_before_subject_and_subject_before_scope(daemon):
    d = daemon()
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
        assert d.verify(value, scope="b", subject="bob") == verdict, claims
        state = d.done(f"show {id_of(value)}").lines[0]["state"]
        assert state == ("active" if verdict == "NO subject" else verdict[3:]), claims
    value = imported()
    assert d.verify(value, scope="b", subject="ann") == "NO scope"
    assert d.verify(value, scope="a", subject="ann") == "OK"


def test_values_issued_elsewhere_go_on_working(daemon):
    values = ["ghp_" + secrets.token_hex(18), secrets.token_urlsafe(32), "x" * 32, "~" * 8000,
              'quote " backslash \\ and space: all printable', value_new("other")]
    d = daemon()
    for value in values:
        assert d.verify(quote(value)) == "NO unknown", value
        reply = d.done(f"import token={quote(value)} subject=old created=2020-01-01T00:00:00Z")
        assert (reply["id"], reply["created"]) == (id_of(value), "2020-01-01T00:00:00Z")
        assert "token" not in reply, "an import does not repeat the value"
        assert d.verify(quote(value), subject="old") == "OK", value
        assert d.ask(f"import token={quote(value)}").verdict == "ERR exists"


def test_import_refuses_what_verify_would_never_look_up(daemon):
    mistyped = altered(value_new(), 20)
    d = daemon()
    for token, verdict in (("x" * 31, "ERR too-short"), ("", "ERR too-short"),
                           ("é" * 32, "ERR bad-value"),
                           ("tab\t" * 16, "ERR bad-value"), (mistyped, "ERR bad-value")):
        assert d.ask(f"import token={quote(token)}").verdict == verdict, token
    for digest in "0" * 63, "0" * 65, "g" * 64, "":
        assert d.ask(f"import digest={quote(digest)}").verdict == "ERR bad-value", digest
    assert d.list() == []


def test_value_that_goes_on_as_arguments_chooses_nothing(daemon):
    d = daemon(config="[service other]\nrequired = local\nrequired = require scope=a\n"
                      "[service public]\nsufficient = local\n")
    value = d.create()["token"]
    assert d.verify(value) == "NO scope" and d.verify(value, "public") == "OK"
    handle = d.handles[None]
    for presented in f"{value} service=public", f'{value}" service=public token="', f"{value}\nping":
        if "\n" not in presented:
            # pasted into a line as a word: the line is refused
            assert d.ask(f"verify {presented}", "verify").verdict == "ERR syntax", presented
        assert d.ask(f"verify token={quote(presented)}", "verify").verdict in (
            "NO malformed", "NO unknown"), presented
        if handle.lib is not None:
            assert handle.verify(presented)[0] in ("NO malformed", "NO unknown"), presented
        done = jeton(d.path("verify"), "verify", input=presented.replace("\n", "\t"))
        assert done.status == 1, done
