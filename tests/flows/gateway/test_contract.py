# SPDX-License-Identifier: Apache-2.0
"""What /verify/SITE answers, for each state of a token, each kind of credentials, each site."""
import base64
import re

from gateway import bearer, request
from waiting import eventually

SITES = """
[site api]
scope = read
realm = the API
[site any]
[site ann]
subject = ann
[site all]
accept = bearer, basic, header:X-API-Key
[site basic]
accept = basic
[site key]
accept = header:X-API-Key
[site other]
service = strict
"""
STRICT = "[service strict]\nrequisite = local\nrequisite = require scope=admin\n"
INVALID = 'Bearer realm="the API", error="invalid_token"'


def basic(token, user="git"):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def must_refuse(response, status, *challenges):
    assert response.status == status, response
    assert response.challenges == list(challenges), response
    assert set(response.identity.values()) == {""}, response
    assert response.get("cache-control") == "no-store" and response.body == b"", response


def test_a_good_token_gets_200_and_says_whose_it_is(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(subject="ci", scopes="read,deploy", expires="2099-01-01T00:00:00Z")
    response = g.verify(token["token"])
    assert (response.status, response.body) == (200, b"")
    assert response.identity == {"id": token["id"], "subject": "ci", "scopes": "deploy,read",
                                 "expires": "2099-01-01T00:00:00Z", "verifier": "local"}
    assert response.get("cache-control") == "no-store" and response.challenges == []
    plain = d.create(scopes="read")
    assert g.verify(plain["token"]).identity == {"id": plain["id"], "subject": "", "scopes": "read",
                                                 "expires": "never", "verifier": "local"}


def test_every_state_of_a_token_has_its_answer(daemon, gateway):
    d = daemon("daemon.retention=1h")
    g = gateway(d, config=SITES)
    states = {
        "revoked": d.create(scopes="read"), "disabled": d.create(scopes="read"),
        "expired": d.create(scopes="read", ttl="1s"), "deleted": d.create(scopes="read"),
        "pending": d.create(scopes="read", delay="4m"),
    }
    d.done(f"revoke {states['revoked']['id']}")
    d.done(f"disable {states['disabled']['id']}")
    d.done(f"revoke {states['deleted']['id']}")
    d.done(f"delete {states['deleted']['id']}")
    eventually(lambda: d.verify(states["expired"]["token"]) == "NO expired", "it has expired")
    for state, token in states.items():
        must_refuse(g.verify(token["token"]), 401, INVALID)
        retry = g.verify(token["token"]).get("retry-after")
        assert (retry is not None) == (state == "pending"), (state, retry)
        assert retry is None or 200 <= int(retry) <= 240
        assert g.verify(token["token"], "/verify/any").status == 401
    identifier = states["revoked"]["id"]
    for wrong in (identifier, "x", "x" * 31, "x" * 40, "jtn_" + "A" * 49, "x" * 8184, "x" * 8185):
        must_refuse(g.verify(wrong), 401, INVALID)


def test_a_token_that_is_not_for_this_gets_403(daemon, gateway):
    d = daemon(config=STRICT)
    g = gateway(d, config=SITES)
    poor = d.create(subject="bob", scopes="write")["token"]
    must_refuse(g.verify(poor), 403, 'Bearer realm="the API", error="insufficient_scope", scope="read"')
    must_refuse(g.verify(poor, "/verify/ann"), 403, 'Bearer realm="ann", error="insufficient_scope"')
    assert g.verify(poor, "/verify/any").status == 200
    assert g.verify(poor, "/verify/other").status == 403, "the stack of another service"
    admin = d.create(scopes="admin")["token"]
    assert g.verify(admin, "/verify/other").status == 200
    assert g.verify(admin, "/verify/ann").status == 403


def test_without_credentials_there_is_no_error_in_the_challenge(daemon, gateway):
    g = gateway(daemon(), config=SITES)
    both = ('Bearer realm="all"', 'Basic realm="all", charset="UTF-8"')
    must_refuse(g.ask(), 401, 'Bearer realm="the API"')
    must_refuse(g.ask("/verify/all"), 401, *both)
    must_refuse(g.ask("/verify/basic"), 401, 'Basic realm="basic", charset="UTF-8"')
    must_refuse(g.ask("/verify/key"), 401, 'Bearer realm="key"')
    must_refuse(g.ask("/verify/api", "Authorization: Digest username=a"), 401, 'Bearer realm="the API"')
    must_refuse(g.ask("/verify/api", basic("x" * 40)), 401, 'Bearer realm="the API"')


def test_each_kind_of_credentials_is_accepted_where_it_is_configured(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(scopes="read")["token"]
    kinds = {"bearer": bearer(token), "lower": bearer(token).replace("Bearer", "bearer"), "basic": basic(token),
             "empty user": basic(token, ""), "key": f"X-API-Key: {token}", "lower key": f"x-api-key:{token}"}
    passes = {"api": ("bearer", "lower"), "any": ("bearer", "lower"), "all": tuple(kinds),
              "basic": ("basic", "empty user"), "key": ("key", "lower key")}
    for site, good in passes.items():
        for kind, field in kinds.items():
            assert (g.ask(f"/verify/{site}", field).status == 200) == (kind in good), (site, kind)


# A good token in each: none may pass.
MALFORMED = {
    "two lines": lambda t: [bearer(t), bearer(t)],
    "two lines, the first one another": lambda t: [bearer("x" * 40), bearer(t)],
    "two lines, the second one another": lambda t: [bearer(t), bearer("x" * 40)],
    "another scheme first": lambda t: ["Authorization: Digest a=b", bearer(t)],
    "another scheme second": lambda t: [bearer(t), "Authorization: Digest a=b"],
    "a comma": lambda t: [bearer(t + ",")],
    "joined by a comma": lambda t: [bearer(f"{t}, Bearer {t}")],
    "joined by a comma only": lambda t: [bearer(f"{t},{t}")],
    "NUL and more": lambda t: [bearer(t).encode() + b"\0junk"],
    "NUL": lambda t: [bearer(t).encode() + b"\0"],
    "NUL in front": lambda t: [b"Authorization: Bearer \0" + t.encode()],
    "a control character": lambda t: [bearer(t).encode() + b"\x01"],
    "DEL": lambda t: [bearer(t).encode() + b"\x7f"],
    "a space inside": lambda t: [bearer(t[:20] + " " + t[20:])],
    "a tab inside": lambda t: [bearer(t[:20] + "\t" + t[20:])],
    "more behind": lambda t: [bearer(t + " x")],
    "a parameter": lambda t: [bearer(f'token="{t}"')],
    "quotes": lambda t: [bearer(f'"{t}"')],
    "a tab after the scheme": lambda t: [f"Authorization: Bearer\t{t}"],
    "no scheme": lambda t: [f"Authorization: {t}"],
    "no space": lambda t: [f"Authorization: Bearer{t}"],
    "bytes above ASCII": lambda t: [bearer(t + "ä")],
    "Basic and Bearer": lambda t: [bearer(t), basic(t)],
    "Basic twice": lambda t: [basic(t), basic(t)],
    "Bearer and a key": lambda t: [bearer(t), f"X-API-Key: {t}"],
    "two keys": lambda t: [f"X-API-Key: {t}", f"X-API-Key: {t}"],
    "keys joined": lambda t: [f"X-API-Key: {t}, {t}"],
    "a key with a scheme": lambda t: [f"X-API-Key: Bearer {t}"],
    "an empty key": lambda t: [bearer(t), "X-API-Key:"],
    "a Basic without a colon": lambda t: ["Authorization: Basic " + base64.b64encode(t.encode()).decode()],
    "a Basic as the user": lambda t: ["Authorization: Basic " + base64.b64encode(f"{t}:".encode()).decode()],
    "a Basic with a line end": lambda t: [basic(t + "\n")],
    "a Basic with NUL": lambda t: [basic(t + "\0x")],
    "a Basic with padding inside": lambda t: [basic(t) + "="],
    "a Basic with more": lambda t: [basic(t) + " x"],
}


def test_malformed_credentials_get_401(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(scopes="read")["token"]
    for case, fields in MALFORMED.items():
        response = g.ask("/verify/all", *fields(token))
        assert response.status == 401 and set(response.identity.values()) == {""}, (case, response)
        assert 'error="invalid_token"' in response.challenges[0] or case in ("no space", "no scheme"), (case, response)
    assert token not in g.log()


def test_what_follows_the_site_is_ignored(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    good, poor = d.create(scopes="read")["token"], d.create()["token"]
    for behind in ("", "/", "/any", "/../any", "/%2e%2e/any", "//any", "?/verify/any", "?site=any", "/a?b#".rstrip("#"),
                   "/;x", "/%00", "/%0d%0a"):
        assert g.verify(good, "/verify/api" + behind).status == 200, behind
        assert g.verify(poor, "/verify/api" + behind).status == 403, behind


def test_no_other_field_decides(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    good, poor = d.create(scopes="read")["token"], d.create()["token"]
    for name in ("X-Forwarded-Uri", "X-Original-URI", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"):
        assert g.verify(poor, "/verify/api", f"{name}: /verify/any").status == 403, name
    for name in ("X-Forwarded-Method", "X-HTTP-Method-Override"):
        assert g.verify(poor, "/verify/api", f"{name}: OPTIONS").status == 403, name
    assert g.verify(poor, "/verify/api", "X-Jeton-Scopes: read", "X-Jeton-Id: x").status == 403
    for field in ("If-None-Match: *", "If-Modified-Since: Sun, 29 Nov 2099 00:00:00 GMT", "If-Match: x", "Range: bytes=0-1",
                  "Expect: 100-continue", "Upgrade: h2c", "Accept: image/png"):
        assert g.verify(good, "/verify/api", field).status == 200, field


def test_every_method_is_answered_alike(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(scopes="read")["token"]
    for method in "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X-OWN":
        assert g.ask("/verify/api", bearer(token), method=method).status == 200, method
        assert g.ask("/verify/api", method=method).status == 401, method


def test_a_site_that_is_not_configured_passes_nobody(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(scopes="read")["token"]
    for target in ("/verify/none", "/verify/", "/verify", "/", "/verify/apis", "/verify/ap", "/verify/API", "/verify/%61pi",
                   "/verify//api", "//verify/api", "/Verify/api", "/verify/../verify/api", "/metrics", "/healthz", "/verify?api"):
        assert g.verify(token, target).status == 404, target


def test_a_subject_cannot_add_a_field(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.done(r'create scopes=read subject=" a%\r\nX-Jeton-Id: evil\r\n\r\nHTTP/1.1 200 OK "')["token"]
    with g.connect() as connection:
        connection.send(request("/verify/api", bearer(token)) * 2)
        for response in connection.response(), connection.response():
            assert response.identity["subject"] == "%20a%25%0D%0AX-Jeton-Id:%20evil%0D%0A%0D%0AHTTP/1.1%20200%20OK%20"
            assert re.fullmatch("[0-9a-f]{20}", response.identity["id"])
            assert connection.buffer == b"" or connection.buffer.startswith(b"HTTP/1.1 200 OK\r\nCache-Control")


def test_a_revocation_is_seen_by_the_next_request(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    with g.connect() as connection:
        for _ in range(50):
            token = d.create(scopes="read")
            ask = request("/verify/api", bearer(token["token"]))
            assert connection.ask(ask).status == 200
            d.done(f"revoke {token['id']}")
            assert connection.ask(ask).status == 401


def test_answers_come_from_the_table(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITES)
    token = d.create(scopes="read")["token"]
    for _ in range(20):
        assert g.verify(token).status == 200
    assert g.metric('verdicts_by_total{source="table"}') >= 19, "the first may have fetched the table"
