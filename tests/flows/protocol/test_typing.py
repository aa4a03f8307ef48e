# SPDX-License-Identifier: Apache-2.0
"""What a person does with socat."""
from client import replies_in, socat
from harness import Daemon, claim, same
from value import value_new

LINE = 'create description="ci deploy" scopes=deploy,read ttl=90d\nlist\n'


@claim
def create_and_list_typed_together_are_both_answered_in_order():
    with Daemon() as d:
        created, listed = replies_in(socat(d.path(), LINE))
        same(created.verdict, "OK")
        assert created["token"].startswith("jtn_")
        same(listed.final.raw.split()[:2], ["OK", "count=1"])
        same([(line["id"], line["description"], line["scopes"]) for line in listed.lines],
             [(created["id"], "ci deploy", "deploy,read")])


@claim
def every_verb_can_be_typed_by_hand():
    with Daemon() as d:
        a, b, c = (d.create(description=name) for name in "abc")
        typed = [
            ("hello", "OK"), ("help", "OK"), ("help create", "OK"), ("ping", "OK"), ("quit", "OK"),
            (f"verify {a['token']}", "OK"), (f"id {a['token']}", "OK"), ("table", "OK"),
            ("list", "OK"), (f"show {a['id']}", "OK"), ("journal", "OK"), ("watch after=0", "OK"),
            ("stats", "OK"), ("create", "OK"), (f"update {a['id']} subject=ann", "OK"),
            (f"disable {a['id']}", "OK"), (f"enable {a['id']}", "OK"), (f"rotate {a['id']}", "OK"),
            (f"revoke {b['id']}", "OK"), (f"revoke token={c['token']}", "OK"),
            (f"delete {b['id']}", "OK"), (f"import token={value_new()}", "OK"), ("export", "OK"),
        ]
        for line, verdict in typed:
            replies = replies_in(socat(d.path(), line + "\n"))
            same([reply.verdict for reply in replies], [verdict], line)


@claim
def lines_may_end_in_cr_lf_and_be_blank_or_comments():
    with Daemon() as d:
        replies = replies_in(socat(d.path(), "\r\n\n# a comment\r\nping\r\n   \nhello\r\n"))
        same([reply.verdict for reply in replies], ["OK", "OK"])
        same(replies[1]["role"], "admin")


@claim
def help_names_every_verb_the_socket_grants_and_no_other():
    verify = {"verify", "id", "table", "used", "revoke", "hello", "help", "ping", "quit"}
    observe = verify | {"list", "show", "journal", "watch", "stats"}
    admin = observe | {"create", "update", "disable", "enable", "rotate", "delete", "import",
                       "export"}
    with Daemon() as d:
        for role, verbs in ("verify", verify), ("observe", observe), ("admin", admin):
            lines = d.done("help", role).lines
            same({line["verb"] for line in lines}, verbs, role)
            for line in lines:
                assert line["usage"].startswith(line["verb"]) and line["summary"], line
        same([line["verb"] for line in d.done("help verify", "verify").lines], ["verify"])


@claim
def server_says_nothing_on_connect_and_hello_tells_role_and_limits():
    with Daemon() as d:
        for role in "admin", "observe", "verify":
            with d.client(role) as client:
                assert client.silent()
                hello = client.request("hello")
                same((hello["role"], hello["protocol"], hello["line_max"], hello["value_min"],
                      hello["value_max"]), (role, "1", "8192", "32", "512"))
                assert client.silent()
                same(client.request("quit").verdict, "OK")
                same(client.closed(), [])
