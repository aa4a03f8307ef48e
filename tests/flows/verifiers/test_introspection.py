# SPDX-License-Identifier: Apache-2.0
"""Tokens about which an OAuth server is asked, where the table does not know them."""
import time

from daemon import run_jetond
from oauth_server import OAuthServer
from settings import BUILD
from waiting import eventually, keeping_pace


def config(server, more="", deadline="10s"):
    return f"""
[daemon]
verifiers = {BUILD}/verifiers
network = yes
[service api]
sufficient = local
sufficient = introspect url={server.url("http")}
    deadline={deadline} {more}
"""


def token(subject, **more):
    return {"active": True, "sub": subject, "exp": int(time.time()) + 600} | more


def test_server_is_asked_where_the_table_knows_nothing(daemon):
    d = daemon(config="")
    with OAuthServer(d.directory) as server:
        d.configure(config(server, "cache=5m"))
        d.restart()
        own = d.create(subject="ci")["token"]
        server.tokens["opaque-token-of-the-server"] = token("ann", scope="write read", jti="id-1")
        assert d.verify(own, service="api") == "OK"
        d.answered_by("table")
        assert server.requests == 0
        reply = d.ask("verify service=api scope=read opaque-token-of-the-server", "verify")
        assert ({key: reply[key] for key in ("id", "subject", "scopes", "verifier")} ==
                {"id": "id-1", "subject": "ann", "scopes": "read,write", "verifier": "introspect"})
        assert d.verify("opaque-token-of-the-server", service="api", subject="ann") == "OK"
        d.answered_by("daemon")
        assert server.requests == 1, "the answer is kept for a while"
        assert d.verify("opaque-token-of-the-server", service="api", scope="admin") == "NO scope"
        assert d.verify("another-token-that-nobody-knows", service="api") == "NO unknown"
        d.done(f"revoke token={own}", "verify")
        assert d.verify(own, service="api") == "NO revoked"


def test_without_the_network_only_a_unix_socket_is_asked(daemon):
    d = daemon(config="")
    with OAuthServer(d.directory) as server:
        server.tokens["good"] = token("ann")
        for sandbox in "auto", "no":
            for setting in "network = yes", f"sandbox = {sandbox}":
                d.configure(config(server).replace("network = yes", setting))
                done = run_jetond(*d.arguments(), "--check")
                refused = "set [daemon] network = yes and restart jetond" in done.stderr
                assert refused == (setting != "network = yes"), done.stderr
        d.configure(config(server).replace(server.url("http"), server.url("unix"))
                    .replace("network = yes", "network = no"))
        d.restart()
        assert d.ask("verify service=api good", "verify").verdict == "OK"
        d.configure(config(server))
        d.reload()
        eventually(lambda: "set [daemon] network = yes and restart jetond" in d.log(),
                   "the network that is in force counts")
        assert d.ask("verify service=api good", "verify").verdict == "OK"


def test_broken_and_lying_servers_let_nobody_pass(daemon):
    d = daemon(config="")
    with OAuthServer(d.directory) as server:
        d.configure(config(server))
        d.restart()
        lies = {"active": "true"}, {"active": 1}, {"active": True, "exp": "soon"}, {}, []
        for i, lie in enumerate(lies):
            server.tokens[f"token-{i}"] = lie
            assert d.ask(f"verify service=api token-{i}", "verify").verdict == "ERR unavailable", (
                lie)
        server.tokens["over"] = token("ann", exp=int(time.time()) - 5)
        assert d.ask("verify service=api over", "verify").verdict == "NO expired"
        server.tokens["good"] = token("ann")
        for mode in "hang_up", "redirect", "garbage", "huge":
            server.mode = mode
            assert d.ask("verify service=api good", "verify").verdict == "ERR unavailable", mode
        server.mode = "answer"
        assert d.ask("verify service=api good", "verify").verdict == "OK"


def test_slow_server_delays_nobody_but_who_needs_it(daemon):
    d = daemon("daemon.workers=1", config="")
    with OAuthServer(d.directory) as server:
        d.configure(config(server, "threads=2", "400ms"))
        d.restart()
        own = d.create()["token"]
        server.mode = "hang"
        with d.client("verify") as slow, d.client("verify") as quick:
            def ask_both(step):
                step()
                before = server.requests
                slow.send("verify service=api opaque")
                eventually(lambda: server.requests > before, "the server is asked")
                verdict = quick.request(f"verify service=api {own}").verdict
                in_between = slow.silent()
                step()
                assert (verdict, slow.reply().verdict) == ("OK", "ERR unavailable")
                assert in_between, "the other waited until the server was given up"
            keeping_pace(ask_both, 0.3)
        eventually(lambda: "service api, verifier introspect" in d.log(), "it is logged")


def test_unreachable_server_is_an_error_and_not_a_pass(daemon):
    d = daemon(config="")
    with OAuthServer(d.directory) as server:
        d.configure(config(server))
    d.restart()
    assert d.ask("verify service=api good", "verify").verdict == "ERR unavailable"
    assert d.verify(d.create()["token"], service="api") == "OK"
    eventually(lambda: "the server could not be asked" in d.log(), "it is logged")
