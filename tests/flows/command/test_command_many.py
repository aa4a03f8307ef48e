# SPDX-License-Identifier: Apache-2.0
"""The command changes many tokens when their number is confirmed: on a terminal, by --yes, or by count=."""
import json

from jeton_command import Terminal, jeton


def some(d, count, subject="ann"):
    return [d.create(subject=subject) for _ in range(count)]


def states(d, **filters):
    return {line["state"] for line in d.list(**filters)}


def end(terminal):
    terminal.finish()
    return terminal.status


def test_leaver_is_one_line(daemon):
    d = daemon()
    tokens, other = some(d, 5), some(d, 1, "bob")[0]
    done = jeton(d.path(), "revoke", "--yes", "subject=ann")
    assert (done.status, done.rows, done.err) == (0, [["count", "5"], ["changed", "5"]], "")
    assert {d.verify(token["token"]) for token in tokens} == {"NO revoked"} and d.verify(other["token"]) == "OK"
    done = jeton(d.path(), "--json", "-y", "revoke", "subject=ann")
    assert (done.status, json.loads(done.out)) == (0, {"ok": True, "count": 5, "changed": 0})
    assert jeton(d.path(), "revoke", "--yes", "subject=nobody").status == 0, "it is done as often as one likes"


def test_terminal_is_asked_how_many_and_only_yes_is_yes(daemon):
    d = daemon()
    some(d, 3)
    for answer, status in (("\n", 1), ("n\n", 1), ("yep\n", 1), ("\x04", 1), ("y\n", 0)):
        terminal = Terminal(d.path(), "disable", "subject=ann")
        terminal.expect("disable 3 tokens? [y/N] ").type(answer)
        assert end(terminal) == status, answer
        assert states(d) == ({"disabled"} if status == 0 else {"active"}), answer
    terminal = Terminal(d.path(), "enable", "subject=nobody").expect("no token matches")
    assert end(terminal) == 1


def test_number_that_changes_while_the_user_thinks_changes_nothing(daemon):
    d = daemon()
    some(d, 3)
    terminal = Terminal(d.path(), "delete", "subject=ann").expect("delete 3 tokens?")
    some(d, 1)
    terminal.type("y\n").expect("matched=4")
    assert end(terminal) == 2
    assert len(d.list()) == 4


def test_script_has_to_say_how_many(daemon):
    d = daemon()
    some(d, 2)
    for arguments in ["subject=ann"], ["subject=ann", "count=1"], ["--subject=ann", "--count=3"]:
        done = jeton(d.path(), "revoke", *arguments, input="y\n")
        assert (done.status, done.out) == (2, "") and "matched=2" in done.err, done
        assert ("confirm with count=2" in done.err) == (len(arguments) == 1), done
    assert states(d) == {"active"}
    done = jeton(d.path(), "update", "subject=ann", "scopes=a,b", "count=2")
    assert (done.status, done.rows[1]) == (0, ["changed", "2"])
    assert {line["scopes"] for line in d.list()} == {"a,b"}
    for verb in "revoke", "disable", "enable", "delete", "update":
        assert jeton(d.path(), verb, "--yes").status == 2, "there is no request for everything"
    assert states(d) == {"active"}


def test_filter_whose_name_says_all_needs_no_value(daemon):
    d = daemon()
    used, unused = some(d, 2)
    assert d.verify(used["token"]) == "OK"
    assert [row[0] for row in jeton(d.path(), "list", "never_used").rows] == [unused["id"]]
    assert [row[0] for row in jeton(d.path(), "list", "--never_used=no").rows] == [used["id"]]
    done = jeton(d.path(), "revoke", "-y", "never_used", "subject=ann")
    assert (done.status, done.rows[0]) == (0, ["count", "1"])
    assert d.verify(used["token"]) == "OK" and d.verify(unused["token"]) == "NO revoked"


def test_list_goes_on_in_its_order_at_the_position_that_is_shown(daemon):
    d = daemon()
    for day in range(1, 8):
        d.create(description=f"d{day}", ttl=f"{day}d")
    order = ["sort=expires", "order=desc", "limit=3"]
    seen, at = [], []
    while True:
        terminal = Terminal(d.path(), "list", *order, *at, columns=200)
        assert end(terminal) == 0
        shown = terminal.seen.decode()
        seen += [word for word in shown.split() if word in {f"d{day}" for day in range(1, 8)}]
        if "continue with after=" not in shown:
            break
        at = ["after=" + shown.partition("continue with after=")[2].split()[0]]
    assert seen == [f"d{day}" for day in range(7, 0, -1)]
    rows = json.loads(jeton(d.path(), "--json", "list", "fields=description", "limit=1").out)
    assert rows == [{"description": "d1"}]
