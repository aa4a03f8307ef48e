# SPDX-License-Identifier: Apache-2.0
"""Tokens of which an OAuth server is asked, where the table knows nothing."""
import time

from harness import Daemon, claim, eventually, same
from oauth_server import OAuthServer
from settings import BUILD, PATIENCE


def config(server, more="", deadline="2s"):
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


@claim
def server_is_asked_where_the_table_knows_nothing():
    with Daemon(config="") as d, OAuthServer(d.directory) as server:
        d.configure(config(server))
        d.restart()
        own = d.create(subject="ci")["token"]
        server.tokens["opaque-token-of-the-server"] = token("ann", scope="write read", jti="id-1")
        same(d.verify(own, service="api"), "OK")
        d.answered_by("table")
        same(server.requests, 0)
        reply = d.ask("verify service=api scope=read opaque-token-of-the-server", "verify")
        same({key: reply[key] for key in ("id", "subject", "scopes", "verifier")},
             {"id": "id-1", "subject": "ann", "scopes": "read,write", "verifier": "introspect"})
        same(d.verify("opaque-token-of-the-server", service="api", subject="ann"), "OK")
        d.answered_by("daemon")
        same(server.requests, 1, "the answer is kept for a while")
        same(d.verify("opaque-token-of-the-server", service="api", scope="admin"), "NO scope")
        same(d.verify("another-token-that-nobody-knows", service="api"), "NO unknown")
        d.done(f"revoke token={own}", "verify")
        same(d.verify(own, service="api"), "NO revoked")


@claim
def broken_and_lying_servers_let_nobody_pass():
    with Daemon(config="") as d, OAuthServer(d.directory) as server:
        d.configure(config(server))
        d.restart()
        lies = {"active": "true"}, {"active": 1}, {"active": True, "exp": "soon"}, {}, []
        for i, lie in enumerate(lies):
            server.tokens[f"token-{i}"] = lie
            same(d.ask(f"verify service=api token-{i}", "verify").verdict, "ERR unavailable", lie)
        server.tokens["over"] = token("ann", exp=int(time.time()) - 5)
        same(d.ask("verify service=api over", "verify").verdict, "NO expired")
        server.tokens["good"] = token("ann")
        for mode in "hang_up", "redirect", "garbage", "huge":
            server.mode = mode
            same(d.ask("verify service=api good", "verify").verdict, "ERR unavailable", mode)
        server.mode = "answer"
        same(d.ask("verify service=api good", "verify").verdict, "OK")


@claim
def slow_server_delays_nobody_but_who_needs_it():
    with Daemon("daemon.workers=1", config="") as d, OAuthServer(d.directory) as server:
        d.configure(config(server, "threads=2", "400ms"))
        d.restart()
        own = d.create()["token"]
        server.mode = "hang"
        with d.client("verify") as slow, d.client("verify") as quick:
            slow.send("verify service=api opaque")
            eventually(lambda: server.requests, "the server is asked")
            began = time.monotonic()
            same(quick.request(f"verify service=api {own}").verdict, "OK")
            assert time.monotonic() - began < 0.3 * PATIENCE
            same(slow.reply().verdict, "ERR unavailable")
        eventually(lambda: "service api, verifier introspect" in d.log(), "the log says so")


@claim
def unreachable_server_is_an_error_and_not_a_pass():
    with Daemon(config="") as d:
        with OAuthServer(d.directory) as server:
            d.configure(config(server))
        d.restart()
        same(d.ask("verify service=api good", "verify").verdict, "ERR unavailable")
        same(d.verify(d.create()["token"], service="api"), "OK")
        eventually(lambda: "the server could not be asked" in d.log(), "the log says so")
