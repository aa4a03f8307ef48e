# SPDX-License-Identifier: Apache-2.0
"""nginx, Caddy and HAProxy with the configurations of plugin/examples; of Traefik and Envoy, the requests
that they send."""
import base64
import json
import re
import socket
import types

import pytest

from gateway import IDENTITY, Connection, bearer, request
from ports import free_port
from proxies import EXAMPLES, PROXIES, Application

SITE = "[site api]\nscope = read\naccept = bearer,basic\n"


@pytest.fixture(params=PROXIES)
def behind(request, daemon, gateway):
    """A daemon, and what asks through the proxy."""
    d = daemon()
    g = gateway(d, config=SITE)
    with Application() as application, PROXIES[request.param](g, application).running() as proxy:
        proxy.name, proxy.d = request.param, d
        yield proxy


def ask(proxy, *fields, data=b"", **more):
    with Connection(("127.0.0.1", proxy.port)) as connection:
        return connection.ask(request("/a?b=c", *fields, **more) + data)


def seen(response):
    """Return what the application was asked."""
    assert response.status == 200, response
    reply = json.loads(response.body)
    reply["fields"] = {}
    for name, value in reply["headers"]:
        reply["fields"].setdefault(name, []).append(value)
    return reply


FORGED = [f"{name}: forged" for name in IDENTITY]


def aliases(separators):
    """Return the names that differ from ours by these separators."""
    names = [name.split("-") for name in IDENTITY]
    return {f"{a}{first}{b}{second}{c}" for a, b, c in names for first in separators for second in separators} - set(IDENTITY)


ALIASES = [f"{name.title()}: forged" for name in sorted(aliases("-_."))]


def test_a_good_token_passes_with_its_claims(behind):
    d = behind.d
    token = d.create(subject="ann", scopes="read,x")
    for field in bearer(token["token"]), "Authorization: Basic " + base64.b64encode(f"u:{token['token']}".encode()).decode():
        reply = seen(ask(behind, field, *FORGED, *ALIASES))
        assert {name: reply["fields"][name] for name in IDENTITY} == {
            "x-jeton-id": [token["id"]], "x-jeton-subject": ["ann"], "x-jeton-scopes": ["read,x"], "x-jeton-expires": ["never"],
            "x-jeton-verifier": ["local"]}
        assert reply["path"] == "/a?b=c" and "authorization" not in reply["fields"]
        assert "forged" not in json.dumps(reply), reply


def test_a_claim_that_is_empty_replaces_a_forged_one(behind):
    reply = seen(ask(behind, bearer(behind.d.create(scopes="read")["token"]), *FORGED))
    assert reply["fields"].get("x-jeton-subject", [""]) == [""], reply
    assert "forged" not in json.dumps(reply), reply


def test_no_other_request_reaches_the_application(behind):
    d = behind.d
    good, poor = d.create(scopes="read")["token"], d.create(scopes="x")["token"]
    revoked = d.create(scopes="read")
    assert ask(behind, bearer(revoked["token"])).status == 200
    d.done(f"revoke {revoked['id']}")
    before = behind.application.count
    for fields, statuses in (([], [401]), ([bearer("x" * 40)], [401]), ([bearer(poor)], [403]), ([bearer(revoked["token"])], [401]),
                             ([bearer(good), bearer(good)], [400, 401]), ([bearer(good), bearer("x" * 40)], [400, 401]),
                             ([bearer("x" * 40), bearer(good)], [400, 401]), ([bearer(f"{good}, x")], [401]),
                             ([bearer(good[:20] + " " + good[20:])], [401]), ([bearer(good).encode() + b"\0x"], [400, 401]),
                             ([bearer(good).encode() + b"\x01"], [400, 401]),
                             (["X-Original-URI: /verify/none", "X-Forwarded-Uri: /verify/none"], [401]),
                             ([*FORGED], [401]), (["Connection: Authorization", bearer(good)], [200, 401, 400])):
        response = ask(behind, *fields)
        assert response.status in statuses, (fields, response)
        if response.status == 401:
            assert any("Bearer realm=" in one or "Basic realm=" in one for one in response.challenges), response
            assert response.identity.get("id") in (None, ""), response
    assert behind.application.count <= before + 1, "and nothing else has reached it"


def test_a_request_with_a_body_arrives_whole(behind):
    token = behind.d.create(scopes="read")["token"]
    body = request("/verify/api", bearer(token)).decode() * 3
    for _ in range(3):
        reply = seen(ask(behind, bearer(token), f"Content-Length: {len(body)}", method="POST", data=body.encode()))
        assert (reply["method"], reply["body"]) == ("POST", body)
        refused = ask(behind, f"Content-Length: {len(body)}", method="POST", data=body.encode())
        assert refused.status == 401, "the body is no request"
        assert ask(behind).status == 401


def test_without_a_verdict_nothing_passes(behind):
    d = behind.d
    token = d.create(scopes="read")["token"]
    assert ask(behind, bearer(token)).status == 200
    d.stop()
    response = ask(behind, bearer(token))
    assert (response.status, response.get("retry-after")) == (503, "5")
    d.start()
    assert ask(behind, bearer(token)).status == 200
    behind.gateway.stop()
    before = behind.application.count
    assert ask(behind, bearer(token)).status in (500, 502, 503)
    assert behind.application.count == before


def test_a_pending_token_comes_with_the_time_to_wait(behind):
    token = behind.d.create(scopes="read", delay="4m")["token"]
    response = ask(behind, bearer(token))
    assert response.status == 401 and 200 <= int(response.get("retry-after")) <= 240, response


def test_haproxy_can_ask_over_tcp(daemon, gateway, monkeypatch):
    """As it must where its chroot hides the socket."""
    port = free_port()
    d = daemon()
    g = gateway(d, f"gateway.tcp=127.0.0.1:{port}", "gateway.path=", config=SITE)
    monkeypatch.setenv("JETON_GATEWAY", f"127.0.0.1:{port}")
    token = d.create(scopes="read", subject="ann")["token"]
    with Application() as application, PROXIES["haproxy"](g, application).running() as proxy:
        assert seen(ask(proxy, bearer(token)))["fields"]["x-jeton-subject"] == ["ann"]
        assert ask(proxy).status == 401


class BrokenAction(PROXIES["haproxy"]):
    """The example, whose action fails for a client who asks for that; and with an option that many configurations have."""

    def example(self, path):
        place, error = "    for _, name in ipairs(identity) do", '    if txn.sf:req_fhdr("x-break") ~= "" then error("broken") end\n'
        text = super().example(path).replace("mode http", "mode http\n    option abortonclose")
        return text.replace(place, error + place)


def test_haproxy_lets_no_request_pass_whose_action_did_not_come_to_its_end(daemon, gateway):
    d = daemon()
    g = gateway(d, config=SITE)
    token = d.create(scopes="read")["token"]
    with Application() as application, BrokenAction(g, application).running() as proxy:
        assert ask(proxy, bearer(token)).status == 200 and application.count == 1
        assert ask(proxy, bearer(token), "X-Break: yes").status == 503 and application.count == 1


def test_haproxy_lets_no_request_pass_of_a_client_that_goes_away_meanwhile(daemon, gateway):
    """With `option abortonclose`, HAProxy ends the action of a client that closes its direction."""
    g = gateway(daemon(), config=SITE)
    with socket.create_server(("127.0.0.1", 0)) as application:
        application.setblocking(False)
        with BrokenAction(g, types.SimpleNamespace(port=application.getsockname()[1])).running() as proxy:
            for _ in range(20):
                with Connection(("127.0.0.1", proxy.port)) as connection:
                    connection.send(request("/a"))
                    connection.sock.shutdown(socket.SHUT_WR)
                    response = connection.response()
                    assert response is None or response.status in (401, 503), response
                with pytest.raises(BlockingIOError):
                    application.accept()


def test_examples_that_name_the_aliases_name_all_of_them():
    with open(f"{EXAMPLES}/traefik/jeton.yml") as file:
        assert {name.lower() for name in re.findall(r'(X[-_.]Jeton[-_.]\w+): ""', file.read())} == aliases("-_.")
    with open(f"{EXAMPLES}/envoy/jeton.yaml") as file:
        text = file.read()
    removed = re.search(r"request_headers_to_remove:\s*\[(.*?)\]", text, re.S)[1].replace(",", " ").split()
    assert set(removed) == aliases("-.") | {"authorization"} and "headers_with_underscores_action: REJECT_REQUEST" in text


# -- proxies that Debian does not have: what they send, and what they do with the response ---------

def test_traefik_gets_what_it_is_documented_to_need(daemon, gateway):
    """Go's HTTP client, with the fields that ForwardAuth adds; over TCP."""
    with open(f"{EXAMPLES}/traefik/jeton.yml") as file:
        example = file.read()
    address, target = re.search(r'address: "http://([\d.:]+)(/\S+)"', example).groups()
    names = re.findall(r"^ {10}- (X-\S+)$", example, re.M)
    assert [name.lower() for name in names] == list(IDENTITY) and f"tcp = {address}" in example
    port = free_port()
    d = daemon()
    gateway(d, f"gateway.tcp=127.0.0.1:{port}", config=SITE)
    token = d.create(scopes="read", subject="ann")

    def sent(*fields):
        lines = [f"GET {target} HTTP/1.1", f"Host: {address}", "User-Agent: Go-http-client/1.1", *fields,
                 "X-Forwarded-For: 10.0.0.9", "X-Forwarded-Host: example.org", "X-Forwarded-Method: POST", "X-Forwarded-Port: 443",
                 "X-Forwarded-Proto: https", "X-Forwarded-Server: proxy", "X-Forwarded-Uri: /admin?x=/verify/none", "Accept-Encoding: gzip"]
        return "\r\n".join([*lines, "", ""]).encode()
    with Connection(("127.0.0.1", port)) as connection:
        response = connection.ask(sent(bearer(token["token"])))
        assert 200 <= response.status < 300 and all(len(response.fields[name.lower()]) == 1 for name in names)
        response = connection.ask(sent())
        assert response.status == 401 and response.challenges == ['Bearer realm="api"', 'Basic realm="api", charset="UTF-8"']


def test_envoy_gets_what_it_is_documented_to_need(daemon, gateway):
    """ext_authz appends the path to path_prefix, sends a length of 0, and takes 200 alone as a pass."""
    with open(f"{EXAMPLES}/envoy/jeton.yaml") as file:
        example = file.read()
    prefix = re.search(r"path_prefix: (\S+)", example)[1]
    assert "failure_mode_allow: false" in example and "prefix: x-jeton-" in example
    d = daemon()
    g = gateway(d, config=SITE)
    token = d.create(scopes="read", subject="ann")

    def sent(path, *fields):
        lines = [f"POST {prefix}{path} HTTP/1.1", "host: example.org", "content-length: 0", *fields,
                 "x-envoy-internal: true", "x-forwarded-for: 10.0.0.9", "x-envoy-expected-rq-timeout-ms: 5000"]
        return "\r\n".join([*lines, "", ""]).encode()
    with g.connect() as connection:
        for path in "/", "/a/b?c=d", "/../none", "/%2e%2e/none", "//none/", "/verify/none":
            response = connection.ask(sent(path, f"authorization: Bearer {token['token']}"))
            assert response.status == 200 and all(len(response.fields[name]) == 1 for name in IDENTITY), path
            assert connection.ask(sent(path)).status == 401, path
