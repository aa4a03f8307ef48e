# SPDX-License-Identifier: Apache-2.0
"""Renewing, auditing and tracing through the jeton command."""
import json
import os
import pwd
import time

from jeton_command import Terminal, jeton
from reloading import reconfigure
from timestamp import unix_time

MY_NAME = pwd.getpwuid(os.getuid()).pw_name


def shown(path, ident):
    return json.loads(jeton(path, "--json", "show", ident).out)


def made(d, *arguments):
    """Return value and identifier of a token that the command made."""
    value = jeton(d.path(), "create", *arguments).out.strip()
    return value, jeton(d.path(), "id", input=value).out.strip()


def test_command_renews_and_rotates_with_a_ttl(daemon):
    d = daemon()
    value, ident = made(d, "ttl=1h")
    assert jeton(d.path(), "update", ident, "ttl=90d").status == 0
    assert abs(unix_time(shown(d.path(), ident)["expires"]) - time.time() - 90 * 86400) < 60
    new = jeton(d.path(), "rotate", ident, "ttl=10d", "grace=1h").out.strip()
    new = jeton(d.path(), "id", input=new).out.strip()
    assert abs(unix_time(shown(d.path(), new)["expires"]) - time.time() - 10 * 86400) < 60
    assert shown(d.path(), ident)["replaced_by"] == new


def test_command_answers_who_revoked_and_who_still_uses_a_token(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    jeton(d.path(), "revoke", ident)
    for _ in range(3):
        assert jeton(d.path("verify"), "verify", input=value).status == 1
    token = shown(d.path(), ident)
    assert (token["revoked_by"], token["revoked_by_name"]) == (f"uid:{os.getuid()}", MY_NAME)
    assert (token["refused"], token["refused_by"], token["refused_as"]) == (3, f"uid:{os.getuid()}", "revoked")
    entries = json.loads(jeton(d.path(), "--json", "journal", "event=revoke", "subject=ann", f"by={MY_NAME}",
                               "since=1h").out)
    assert [(e["id"], e["by_name"]) for e in entries] == [(ident, MY_NAME)]
    assert jeton(d.path(), "--json", "journal", "event=revokd").status == 2


def test_command_traces_a_leaked_value_that_it_never_shows(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    jeton(d.path(), "revoke", ident)
    done = jeton(d.path(), "--json", "trace", input=value + "\n")
    assert done.status == 0 and value not in done.out + done.err
    rows = json.loads(done.out)
    assert [(row["part"], row.get("event")) for row in rows] == [("token", None), ("entry", "create"),
                                                                  ("entry", "revoke"), ("entry", "trace")]
    assert (rows[0]["id"], rows[0]["subject"], rows[0]["state"]) == (ident, "ann", "revoked")
    plain = jeton(d.path(), "trace", input=value).rows
    assert plain[0][:3] == ["token", ident, "revoked"] and {len(row) for row in plain} == {20}
    refused = jeton(d.path(), "trace", value)
    assert refused.status == 2 and value not in refused.out + refused.err, "a value is no argument"
    assert jeton(d.path(), "trace", input=ident).status == 1
    assert "used" not in rows[0] and "refused" not in rows[0]


def test_trace_on_a_terminal_is_blocks_for_people(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    terminal = Terminal(d.path(), "trace")
    terminal.expect("Value")
    assert not terminal.echoes()
    text = terminal.type(value + "\n").finish()
    assert terminal.status == 0 and value not in text
    blocks = [dict(line.split(None, 1) for line in block.splitlines() if " " in line)
              for block in text[text.index("part"):].split("\n\n")]
    assert ([(block["part"], block["id"], block.get("event")) for block in blocks] ==
            [("token", ident, None), ("entry", ident, "create"), ("entry", ident, "trace")])


def test_users_are_given_by_name_wherever_by_is_a_filter(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    for verb in "list", "journal", "export":
        done = jeton(d.path(), verb, f"by={MY_NAME}")
        assert ident in done.out and f"by={MY_NAME} is uid:{os.getuid()}" in done.err, done
        done = jeton(d.path(), verb, "--by", "nobody-has-this-name")
        assert (done.status, done.out) == (2, "") and "no user of that name" in done.err, done
    done = jeton(d.path(), "revoke", "by=nobody-has-this-name", "--yes")
    assert done.status == 2 and "revoked" not in shown(d.path(), ident)
    assert jeton(d.path(), "revoke", f"by={MY_NAME}", "count=1").status == 0
    assert shown(d.path(), ident)["state"] == "revoked"


def test_journal_takes_the_first_digits_of_an_identifier(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    made(d, "subject=bob")
    for argument in f"id={ident[:8]}", f"--id={ident[:8].upper()}", f"id={ident}":
        assert [row[2:4] for row in jeton(d.path(), "journal", argument).rows] == [["create", ident]], argument
    jeton(d.path(), "delete", ident)
    done = jeton(d.path(), "journal", f"id={ident[:8]}")
    assert done.status == 1 and "give all 20 digits" in done.err, done
    assert [row[2] for row in jeton(d.path(), "journal", f"id={ident}").rows] == ["create", "delete"]


def test_plain_journal_has_what_an_update_replaced(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann", "scopes=a,b", "description=first", "expires=2099-01-01T00:00:00Z")
    jeton(d.path(), "update", ident, "subject=bob", "scopes=c", "description=second", "expires=never")
    rows = jeton(d.path(), "journal", "event=create,update").rows
    assert [row[17:21] for row in rows] == [[""] * 4, ["2099-01-01T00:00:00Z", "ann", "a,b", "first"]]
    entry, = json.loads(jeton(d.path(), "--json", "journal", "event=update").out)
    assert entry["old_scopes"] == ["a", "b"], "scopes are arrays"


def test_usage_in_a_refusal_is_whole(daemon):
    d = daemon()
    done = jeton(d.path(), "list", "bogus=1")
    assert done.status == 2 and "[policy=violated]" in done.err and "[after=" in done.err, done


def test_plain_list_tells_who_disabled_a_token(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann")
    jeton(d.path(), "disable", ident)
    row, = jeton(d.path(), "list", "subject=ann").rows
    assert row[18] == shown(d.path(), ident)["disabled"] and row[19:] == [f"uid:{os.getuid()}", "", "", "", ""]


def test_journal_on_a_terminal_names_users(daemon):
    d = daemon()
    made(d, "subject=ann")
    for columns in 80, 120:
        table = Terminal(d.path(), "journal", columns=columns).finish()
        assert f" {MY_NAME} " in table.splitlines()[1] and "uid:" not in table, table


def test_list_on_a_terminal_shows_which_rules_are_broken(daemon):
    d = daemon(config="")
    made(d, "subject=ann")
    reconfigure(d, "[policy]\nmax_ttl = 5d\nrequire = description\n")
    header, row = Terminal(d.path(), "list", "policy=violated", NO_COLOR="1").finish().splitlines()
    assert "VIOLATES" in header and "max_ttl,require" in row, row
    assert "VIOLATES" not in Terminal(d.path(), "list").finish()


LONG = " ".join(30 * ["second"])


def test_journal_on_a_terminal_shows_what_an_update_replaced(daemon):
    d = daemon()
    value, ident = made(d, "subject=ann", "scopes=a,b", "description=first", "expires=2099-01-01T00:00:00Z")
    jeton(d.path(), "update", ident, "subject=bob", "scopes=c", "description=" + LONG, "expires=2099-06-30T12:00:00Z")
    jeton(d.path(), "update", ident, "description=", "expires=2099-06-30T12:00:07Z")
    jeton(d.path(), "revoke", ident)
    for columns in 60, 80, 400:
        lines = Terminal(d.path(), "journal", columns=columns, NO_COLOR="1").finish().splitlines()
        assert ["create" in lines[1], "update" in lines[2], "revoke" in lines[-1]] == [True] * 3, lines
        changed = [line for line in lines if line.startswith("    ")]
        assert changed[:3] == ["    expires: 2099-01-01 00:00 → 2099-06-30 12:00", "    subject: ann → bob",
                               "    scopes: a,b → c"], changed
        assert "    expires: 2099-06-30 12:00:00 → 2099-06-30 12:00:07" in changed, "the minute is the same"
        assert max(map(len, lines)) <= columns, lines
        rest = [line for line in changed[3:] if "expires" not in line]
        if columns == 400:
            assert rest == ["    description: first → " + LONG, "    description: " + LONG + " → -"]
        else:
            assert [rest[0], rest[3]] == ["    description: first", "               → -"], rest
            assert rest[1].startswith("               → second second") and rest[1].endswith("…"), rest
    assert "    subject: ann -> bob" in Terminal(d.path(), "journal", LC_ALL="C").finish()
    assert not [line for line in jeton(d.path(), "journal").out.splitlines() if line.startswith(" ")]
    assert "    " not in jeton(d.path(), "--csv", "journal").out


def test_changes_on_a_terminal_are_escaped_and_follow_their_rows(daemon):
    d = daemon()
    value, ident = made(d, "description=x")
    d.done(f'update {ident} description="\\x1b[2J\\n9 forged"')
    for number in range(600):
        d.done(f"update {ident} subject=s{number}")
    lines = Terminal(d.path(), "journal", columns=100, NO_COLOR="1").finish(60).splitlines()
    assert lines[3] == r"    description: x → \x1b[2J\n9 forged", lines[:5]
    changes = [line.rpartition(" ")[2] for line in lines if line.startswith("    subject: ")]
    assert changes == [f"s{number}" for number in range(600)], "also behind the rows that were measured"
    watching = Terminal(d.path(), "watch", "after=600", NO_COLOR="1").expect("    subject: s598 → s599")
    d.done(f"update {ident} subject=last")
    watching.expect("    subject: s599 → last").type("\x03").finish()
