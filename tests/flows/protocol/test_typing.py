# SPDX-License-Identifier: Apache-2.0
"""What a person does with socat."""
from client import replies_in, socat
from value import value_new

LINE = 'create description="ci deploy" scopes=deploy,read ttl=90d\nlist\n'


def test_create_and_list_typed_together_are_both_answered_in_order(daemon):
    d = daemon()
    created, listed = replies_in(socat(d.path(), LINE))
    assert created.verdict == "OK"
    assert created["token"].startswith("jtn_")
    assert listed.final.raw.split()[:2] == ["OK", "count=1"]
    assert ([(line["id"], line["description"], line["scopes"]) for line in listed.lines] ==
            [(created["id"], "ci deploy", "deploy,read")])


def test_every_verb_can_be_typed_by_hand(daemon):
    d = daemon()
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
        assert [reply.verdict for reply in replies] == [verdict], line


def test_lines_may_end_in_cr_lf_and_be_blank_or_comments(daemon):
    d = daemon()
    replies = replies_in(socat(d.path(), "\r\n\n# a comment\r\nping\r\n   \nhello\r\n"))
    assert [reply.verdict for reply in replies] == ["OK", "OK"]
    assert replies[1]["role"] == "admin"


def test_help_names_every_verb_the_socket_grants_and_no_other(daemon):
    verify = {"verify", "id", "table", "used", "refused", "revoke", "hello", "help", "ping", "quit"}
    observe = verify | {"list", "show", "journal", "watch", "stats", "policy"}
    admin = observe | {"create", "update", "disable", "enable", "rotate", "delete", "ban", "import",
                       "export", "trace", "checkpoint", "backup"}
    d = daemon()
    for role, verbs in ("verify", verify), ("observe", observe), ("admin", admin):
        lines = d.done("help", role).lines
        assert {line["verb"] for line in lines} == verbs, role
        for line in lines:
            assert line["usage"].startswith(line["verb"]) and line["summary"], line
    assert [line["verb"] for line in d.done("help verify", "verify").lines] == ["verify"]


def test_server_sends_nothing_on_connect_and_hello_shows_role_and_limits(daemon):
    d = daemon()
    for role in "admin", "observe", "verify":
        with d.client(role) as client:
            assert client.silent()
            hello = client.request("hello")
            assert ((hello["role"], hello["protocol"], hello["line_max"], hello["value_min"],
                     hello["value_max"]) == (role, "1", "8192", "32", "8184"))
            assert client.silent()
            assert client.request("quit").verdict == "OK"
            assert client.closed() == []
