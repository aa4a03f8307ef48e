# SPDX-License-Identifier: Apache-2.0
"""All about the token behind a leaked value, which is not used by asking."""
import os
import pwd
import resource

from client import quote
from value import altered, id_of, value_new
from waiting import eventually

ME = f"uid:{os.getuid()}"
JWS = "eyJhbGciOiJFUzI1NiJ9." + "e" * 60


def trace(d, value):
    return d.ask(f"trace token={quote(value)}")


def parts(reply):
    return [(line["part"], line["id"]) for line in reply.lines]


def of_part(reply, part):
    return [line for line in reply.lines if line["part"] == part]


def test_trace_tells_all_about_the_token_behind_a_value(daemon):
    d = daemon()
    first = d.create(subject="ann", scopes="deploy", description="ci")
    second = d.done(f"rotate {first['id']}")
    third = d.done(f"rotate {second['id']} grace=1h")
    other = d.create(subject="bob")
    assert d.verify(second["token"]) == "OK"
    d.done(f"disable {second['id']}")
    assert d.ask(f"verify token={second['token']}", "verify").verdict == "NO disabled"
    reply = trace(d, second["token"])
    assert reply.verdict == "OK" and reply["id"] == second["id"]
    token = of_part(reply, "token")[0]
    assert ({key: token[key] for key in ("id", "state", "subject", "scopes", "description", "by", "by_name",
                                         "disabled_by", "replaces", "replaced_by", "refused", "refused_by")} ==
            {"id": second["id"], "state": "disabled", "subject": "ann", "scopes": "deploy", "description": "ci",
             "by": ME, "by_name": pwd.getpwuid(os.getuid()).pw_name, "disabled_by": ME, "replaces": first["id"],
             "replaced_by": third["id"], "refused": "1", "refused_by": ME})
    assert "used" in token
    assert [line["id"] for line in of_part(reply, "chain")] == [first["id"], third["id"]]
    entries = of_part(reply, "entry")
    assert ([(e["event"], e["id"]) for e in entries] ==
            [("rotate", second["id"]), ("rotate", third["id"]), ("update", second["id"]), ("disable", second["id"]),
             ("trace", second["id"])])
    assert int(reply["count"]) == len(reply.lines)
    assert other["id"] not in str(reply.data) and second["token"] not in str(reply.data)


def test_trace_is_no_use_and_no_refusal_and_is_audited(daemon):
    d = daemon()
    active, revoked = d.create(subject="ann"), d.create()
    d.done(f"revoke {revoked['id']}")
    exported = d.done("export").data
    for token in active, revoked:
        trace(d, token["token"])
        shown = d.done(f"show {token['id']}").lines[0]
        assert not {"used", "refused", "last_refused"} & shown.keys()
    assert d.done("export").data == exported
    assert d.stat("verify_ok") == d.stat("verify_revoked") == 0
    entries = d.done("journal event=trace").lines
    assert ([(e["id"], e["by"], e.get("subject")) for e in entries] ==
            [(active["id"], ME, "ann"), (revoked["id"], ME, None)])
    d.restart()
    assert d.done("journal event=trace").lines == entries


def test_trace_of_what_is_no_token_any_more(daemon):
    d = daemon()
    token = d.create()
    d.done(f"delete {token['id']}")
    reply = trace(d, token["token"])
    assert reply.verdict == "OK"
    assert parts(reply) == [("ban", token["id"])] + [("entry", token["id"])] * 3
    assert of_part(reply, "ban")[0]["by"] == ME
    assert [e["event"] for e in of_part(reply, "entry")] == ["create", "delete", "trace"]


def test_trace_of_what_was_never_a_token(daemon):
    d = daemon()
    token = d.create()
    value = value_new()
    reply = trace(d, value)
    assert reply.verdict == "NO unknown" and reply["id"] == id_of(value)
    assert [e["event"] for e in of_part(reply, "entry")] == ["trace"], "who asked is known all the same"
    assert trace(d, altered(value, 10)).verdict == "NO malformed"
    assert trace(d, token["id"]).verdict == "NO identifier"
    assert d.ask("trace").verdict == "ERR missing"
    for role in "verify", "observe":
        assert d.ask(f"trace token={token['token']}", role).verdict == "ERR forbidden"


def test_trace_finds_a_token_by_its_signed_part(daemon):
    d = daemon()
    token = d.done(f"import token={JWS}.c2lnbmF0dXJl subject=ann")
    reply = trace(d, f"{JWS}.b3RoZXI")
    assert reply.verdict == "OK" and reply["id"] == token["id"]
    assert of_part(reply, "token")[0]["subject"] == "ann"
    d.done(f"revoke {token['id']}")
    assert [line["part"] for line in trace(d, f"{JWS}.b3RoZXI").lines][:2] == ["token", "ban"]


def test_trace_that_cannot_be_audited_is_not_answered(daemon):
    d = daemon()
    token = d.create(subject="ann")
    resource.prlimit(d.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    reply = trace(d, token["token"])
    assert reply.verdict == "ERR store" and not reply.lines
    assert d.done(f"show {token['id']}").lines, "others are answered"
    resource.prlimit(d.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert eventually(lambda: trace(d, token["token"]).lines, "it can be saved again")[0]["subject"] == "ann"


def test_circle_of_replacements_ends(daemon):
    d = daemon()
    a, b = "ab" * 32, "cd" * 32
    value = value_new()
    ident = id_of(value)
    d.done(f"import token={value} replaces={a[:20]} replaced_by={b[:20]}")
    d.done(f"import digest={a} replaces={b[:20]} replaced_by={ident}")
    d.done(f"import digest={b} replaces={ident} replaced_by={a[:20]}")
    reply = trace(d, value)
    assert reply.verdict == "OK" and len(reply.lines) < 200
    assert {line["id"] for line in of_part(reply, "chain")} == {a[:20], b[:20]}


def test_requests_around_a_trace_keep_their_order(daemon):
    d = daemon()
    tokens = [d.create() for _ in range(3)]
    with d.client() as client:
        client.send("create subject=before", f"trace token={tokens[0]['token']}", f"disable {tokens[1]['id']}",
                    f"trace token={tokens[2]['token']}", "ping", "create subject=after")
        client.finish()
        replies = list(client.replies())
    assert ([r.final.get("id", "-") for r in replies][1:5] ==
            [tokens[0]["id"], tokens[1]["id"], tokens[2]["id"], "-"])
    assert [r.final.get("subject") for r in replies] == ["before", None, None, None, None, "after"]


def test_client_that_goes_away_in_a_trace_leaves_nothing(daemon):
    d = daemon()
    token = d.create()
    for _ in range(20):
        with d.client() as client:
            client.send(f"trace token={token['token']}")
    eventually(lambda: len(d.done("journal event=trace").lines) == 20, "all were audited")
    eventually(lambda: int(d.stats()["connections"]) == 1, "no connection is left")
