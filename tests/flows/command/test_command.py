# SPDX-License-Identifier: Apache-2.0
"""The jeton command: every verb, what it prints for programs, and where values go."""
import json
import os
import re
import subprocess

import pytest

from daemon import Daemon
from jeton_command import JETON, SIGNALS, Impostor, Terminal, jeton, setting
from settings import PATIENCE, ROOT
from value import id_of, value_new
from waiting import eventually

VERBS = ("create list show verify id revoke disable enable update rotate delete ban import export checkpoint backup "
         "journal watch trace stats policy hello help ping").split()
TOKENS = ("id state created expires used subject scopes description activates by replaces "
          "replaced_by revoked revoked_by refused last_refused refused_by violates "
          "disabled disabled_by reused last_reused group origin").split()
ENTRIES = ("serial time event id by subject scopes description pid expires activates "
           "replaces epoch replaced_by by_name login warn old_expires old_subject old_scopes "
           "old_description group place puts denies drops snapshot rewound ids").split()
VALUE = re.compile(r"jtn_[0-9A-Za-z]{49}")
FOREIGN = "issued elsewhere, with spaces and \"quotes\""


def tokens(done):
    return [dict(zip(TOKENS, row, strict=True)) for row in done.rows]


def made(d, *arguments):
    """The value and identifier of a new token."""
    done = jeton(d.path(), "create", *arguments)
    assert VALUE.fullmatch(done.out.removesuffix("\n")), done
    return done.out.strip(), id_of(done.out.strip())


# -- verbs ---------------------------------------------------------------------------------------

def test_create_prints_the_value_alone_where_stdout_is_no_terminal(daemon):
    d = daemon()
    env = setting(d.path())
    done = subprocess.run(
        ["sh", "-c", f'T=$({JETON} create description="ci deploy" scopes=deploy,read ttl=90d '
         f'2>{d.directory}/err) && printf "<%s>" "$T"'], env=env, capture_output=True,
        text=True)
    value = done.stdout[1:-1]
    assert VALUE.fullmatch(value), done
    with open(f"{d.directory}/err") as file:
        remarks = file.read()
    assert id_of(value) in remarks and "expires" in remarks and value not in remarks, remarks
    assert d.verify(value, scope="deploy,read") == "OK"
    assert d.list()[0]["description"] == "ci deploy"
    made_json = json.loads(jeton(d.path(), "--json", "create").out)
    assert (made_json["ok"], made_json["id"]) == (True, id_of(made_json["token"]))


def test_every_verb_has_its_way(daemon):
    d = daemon("verify.table_group=")
    path = d.path()
    value, ident = made(d, "description=a b", "--subject=ann", "scopes=b,a", "delay=0s")
    row = tokens(jeton(path, "show", ident))[0]
    assert ([row[key] for key in ("id", "state", "subject", "scopes", "description", "used")] ==
            [ident, "active", "ann", "a,b", "a b", ""])
    assert (jeton(path, "verify", "scope=a", input=value + "\n").rows ==
            [[ident, "ann", "a,b", "", "local"]])
    assert jeton(path, "id", input=value).out == ident + "\n"
    for verb, state in ("disable", "disabled"), ("enable", "active"):
        assert tokens(jeton(path, verb, ident))[0]["state"] == state
    assert tokens(jeton(path, "update", ident, "description="))[0]["description"] == ""
    new = jeton(path, "rotate", ident, "grace=1h").out.strip()
    assert tokens(jeton(path, "show", id_of(new)))[0]["replaces"] == ident
    assert tokens(jeton(path, "revoke", f"id={ident}"))[0]["state"] == "revoked"
    assert tokens(jeton(path, "delete", ident))[0]["state"] == "deleted"
    assert [token["id"] for token in tokens(jeton(path, "list"))] == [id_of(new)]
    entries = [dict(zip(ENTRIES, row, strict=True)) for row in jeton(path, "journal").rows]
    assert ([entry["event"] for entry in entries] ==
            "create disable enable update rotate update revoke delete".split())
    assert [entry["serial"] for entry in entries] == list("12345678")
    assert {row[0]: row[1] for row in jeton(path, "stats").rows}["tokens"] == "1"
    assert dict(jeton(path, "hello").rows)["role"] == "admin"
    assert jeton(path, "ping").out == "OK\n"
    assert jeton(path, "export").out.splitlines()[-1].startswith("OK count=2 epoch=")


def test_wrong_usage_shows_what_the_command_takes(daemon):
    path = daemon().path()
    for wrong in ("ban",), ("ban", "ttl=1h"), ("ban", "nonsense=1"), ("revoke",), ("import", "nonsense=1"):
        done = jeton(path, *wrong)
        assert done.status == 2 and f"usage: jeton {wrong[0]} " in done.err, done.err
        assert "--value" in done.err and "VALUE" not in done.err
    assert "usage: show ID" in jeton(path, "show").err


def test_help_shows_what_the_daemon_has(daemon):
    d = daemon()
    theirs = {line["verb"]: line["usage"] for line in d.done("help").lines}
    ours = {row[0]: row[1] for row in jeton(d.path(), "--plain", "help").rows}
    for verb in "verify", "id", "revoke", "ban", "import", "trace":     # their values are never arguments
        assert "VALUE" in theirs[verb] and "VALUE" not in ours[verb]
        without = theirs[verb].replace('token="VALUE"', "--value" if "|" in theirs[verb] else "")
        assert ours[verb].replace(" | ", "|") == without.strip().replace(" | ", "|")
        theirs[verb] = ours[verb]
    theirs |= {verb: ours[verb] for verb in ("web", "fleet")}       # the command's own
    theirs["backup"] += " FILE|-"
    assert ours == {verb: theirs[verb] for verb in (*VERBS, "web", "fleet")}
    overview = jeton("/nowhere", "--help").out
    for verb in ours:
        assert re.search(f"^  {verb} ", overview, re.M), verb
        for text in jeton("", "help", verb).out, verb == "fleet" or jeton("", verb, "--help").out:
            assert text is True or theirs[verb] in text, text
    assert "usage: jeton-fleet" in jeton("", "fleet", "--help").out     # whose options are its own
    assert jeton("", "help", "nonsense").status == 2
    assert re.fullmatch(r"jeton \d+\.\d+\.\d+\n", jeton("", "--version").out)


@pytest.mark.parametrize("digits", ["0" * 20, "0" * 7])
def test_object_of_an_unknown_identifier_is_printed_with_its_reason(daemon, digits):
    d = daemon()
    d.create()
    for path in d.path(), d.path("observe"):
        done = jeton(path, "--json", "show", digits)
        assert done.status == 1
        assert json.loads(done.out) == {"ok": False, "reason": "unknown",
                                        "message": "no such token here"}
        assert jeton(path, "show", digits).out == ""


def test_exit_status_tells_each_answer_as_http_would(daemon):
    d = daemon(config="[service closed]\nrequired = local\nrequired = require peer_uid=1\n")
    value, ident = made(d, "scopes=a")
    answers = {"": 0, "scope=b": 4, "subject=x": 4, "service=closed": 4}
    for arguments, status in answers.items():
        done = jeton(d.path("verify"), "verify", *arguments.split(), input=value)
        assert done.status == status, (arguments, done)
    d.done(f"disable {ident}")
    assert jeton(d.path("verify"), "verify", "scope=b", input=value).status == 1


def test_exit_status_tells_yes_no_wrong_and_unavailable():
    with Daemon() as d:
        value, ident = made(d)
        for status, arguments, more in (
                (0, ["verify"], {"input": value}), (4, ["verify", "scope=x"], {"input": value}),
                (4, ["verify", "subject=x"], {"input": value}),
                (1, ["verify"], {"input": "nonsense"}), (1, ["show", "0" * 20], {}),
                (1, ["list", "after=" + "0" * 20], {}), (2, ["list", "nonsense=1"], {}),
                (2, ["show", "xyz"], {}), (2, ["show"], {}), (2, ["nonsense"], {}), (2, [], {}),
                (2, ["--nonsense", "list"], {}), (2, ["ping", "--timeout"], {}),
                (2, ["create", "ttl=x"], {}), (2, ["verify"], {"input": ""}),
                (2, ["list", "--value"], {}), (2, ["-T", "1", "ping"], {})):
            done = jeton(d.path(), *arguments, **more)
            assert ((done.status, done.err.count("jeton: ") + done.err.count("usage: ") > 0) ==
                    (status, status > 0)), f"{arguments} {done}"
        assert jeton(d.path("verify"), "create").status == 2
        assert "admin socket" in jeton(d.path("verify"), "create").err
    for answer in (b"ERR store message=x\n", b"ERR busy message=x\n", b"ERR unavailable message=x\n",
                 b"ERR internal message=x\n", b"ERR later-invention message=x\n", None, b"* id=",
                 b"what?\n", b"\n", b"OK id=\x1b\n", b"NO\n"):
        status = jeton(Impostor(lambda _: answer).path, "show", "0" * 20, "-T1s").status
        assert status == 3, answer
    assert jeton(Impostor(lambda _: b"").path, "--timeout=1s", "ping").status == 3
    assert jeton(Impostor(lambda _: b"OK id=x\n").path, "create").status == 3


def test_long_options_that_are_none_of_ours_are_keys(daemon):
    d = daemon()
    made(d, "--description=x=1 y", "--subject=ann", "--ttl=1h")
    assert ([(t["description"], t["subject"]) for t in tokens(jeton(d.path(), "list"))] ==
            [("x=1 y", "ann")])
    done = jeton(d.path(), "-jS", d.path("observe"), "list", "--subject=ann")
    assert len(json.loads(done.out)) == 1
    assert jeton(d.path(), "show", "--", "--json").status == 2


def test_any_text_of_an_argument_arrives_as_it_is(daemon):
    texts = ('quo"ted back\\slash', "tab\tline\nend\r\x01\x7f", "Ünïcödé 日本", "=", "* OK",
             " a ", "\\x41", "\u202ex\u0085")
    d = daemon()
    for text in texts:
        made(d, f"description={text}")
    assert ([line["description"] for line in json.loads(jeton(d.path(), "-j", "list").out)] ==
            list(texts))
    plain = "\n".join(t["description"] for t in tokens(jeton(d.path(), "list")))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain), plain
    assert (plain.split("\n")[:3] ==
            ['quo"ted back\\\\slash', "tab\\tline\\nend\\r\\x01\\x7f", texts[2]])
    assert jeton(d.path(), "create", "description=" + "x" * 9000).status == 2
    done = subprocess.run([JETON, "create", b"description=\xff"], env=setting(d.path()),
                          capture_output=True)
    assert done.returncode == 2


def test_json_has_arrays_numbers_and_strings(daemon):
    d = daemon()
    value, ident = made(d, "scopes=b,a", "description=42", "subject=7")
    listed, = json.loads(jeton(d.path(), "list", "--json").out)
    assert ((listed["scopes"], listed["description"], listed["subject"], "used" in listed) ==
            (["a", "b"], "42", "7", False))
    assert json.loads(jeton(d.path(), "-j", "list", "subject=x").out) == []
    assert json.loads(jeton(d.path(), "-j", "journal").out)[0]["serial"] == 1
    stats = {s["name"]: s["value"] for s in json.loads(jeton(d.path(), "-j", "stats").out)}
    assert (stats["tokens"], type(stats["version"])) == (1, str)
    verdict = json.loads(jeton(d.path(), "-j", "verify", input=value).out)
    assert (verdict["ok"], verdict["id"]) == (True, ident)
    verdict = json.loads(jeton(d.path(), "-j", "verify", "scope=c", input=value).out)
    assert (verdict["ok"], verdict["reason"], verdict["id"]) == (False, "scope", ident)
    assert json.loads(jeton(d.path(), "-j", "show", "0" * 20).out)["reason"] == "unknown"
    made(d, "delay=1h")
    exported = json.loads(jeton(d.path(), "-j", "export").out)
    assert [len(line["digest"]) for line in exported] == [64, 64]


# -- values --------------------------------------------------------------------------------------

def test_value_is_the_first_line_of_stdin_and_no_more_is_read(daemon):
    d = daemon()
    one, two = made(d), made(d)
    done = subprocess.run(
        ["sh", "-c", f"{JETON} id; {JETON} id; cat"], env=setting(d.path()),
        input=f"{one[0]}\r\n{two[0]}\nthe rest\n", capture_output=True, text=True)
    assert done.stdout == f"{one[1]}\n{two[1]}\nthe rest\n"
    assert (tokens(jeton(d.path(), "import", "token", "description=x", input=FOREIGN))[0]["id"] ==
            id_of(FOREIGN))
    assert jeton(d.path(), "verify", input=FOREIGN).status == 0
    assert (jeton(d.path("verify"), "revoke", "--value", input=one[0]).rows[0][:2] ==
            [one[1], "revoked"])
    assert jeton(d.path(), "verify", input="\x00\x01\xff" * 20).status == 1
    assert jeton(d.path(), "verify", input="x" * 100000).status == 2


def test_value_as_an_argument_is_refused_unseen():
    value = value_new()
    server = Impostor(lambda _: b"OK\n")
    for arguments in (["verify", value], ["id", value], ["verify", f"token={value}"],
                      ["revoke", value], ["revoke", f"--token={value}"], ["import", value],
                      ["import", f"token={value}"], ["create", f"token={value}"], ["show", value],
                      ["verify", "scope=x", "secret"], [f"--value={value}", "revoke"],
                      ["revoke", f"--value={value}"], ["help", value], [value], ["-" + value]):
        done = jeton(server.path, *arguments, input=value)
        assert (done.status, value in done.out + done.err) == (2, False), f"{arguments} {done}"
        if len(arguments) > 1 and "--value" not in arguments[0] + arguments[1]:
            assert "list of processes" in done.err, done
    assert server.lines == [], "nothing was sent"


def test_value_is_asked_for_without_echo(daemon):
    d = daemon()
    value, ident = made(d)
    for arguments in ["id"], ["verify"], ["revoke", "--value"]:
        terminal = Terminal(d.path(), *arguments).expect("Value")
        assert not terminal.echoes()
        output = terminal.type(value + "\n").finish()
        assert (terminal.status, ident in output, value in output) == (0, True, False), output
    terminal = Terminal(d.path(), "import", "token").expect("Value").type(FOREIGN + "\n")
    assert id_of(FOREIGN) in terminal.finish() and FOREIGN not in terminal.seen.decode()
    terminal = Terminal(d.path(), "verify").expect("Value").type("\x04")
    assert "no value" in terminal.finish()
    assert terminal.status == 2


def test_signals_at_the_prompt_restore_the_terminal(daemon):
    d = daemon()
    value, ident = made(d)
    for number in SIGNALS:
        script = f"trap : {int(number)}; {JETON} id; stty -a; exit 7"
        shell = Terminal(d.path(), "-c", script, program="/bin/sh").expect("Value")
        assert not shell.echoes()
        child, = map(int, open(f"/proc/{shell.pid}/task/{shell.pid}/children").read().split())
        os.kill(child, number)
        output = shell.expect(" echo ").finish()
        assert (shell.status, "-echo " in output) == (7, False), output
    shell = Terminal(d.path(), "--norc", "-i", program="/bin/bash").type(f"{JETON} id\n")
    shell.expect("Value").type("\x1a").expect("Stopped").type("stty -a\n")
    shell.expect(" -echonl")
    assert re.search(rb"[^-]echo ", shell.seen), shell.seen
    shell.seen = b""        # nothing more comes before it may go on
    shell.type("fg\n").expect("Value").type(value + "\n").expect(ident).type("exit\n")
    assert value not in shell.finish()


def test_value_that_cannot_be_handed_over_is_reported(daemon):
    d = daemon()
    for redirection, status in (">&-", 2), (">/dev/full", 3), ("| true", 3):
        count = len(d.list())
        done = subprocess.run(["bash", "-c", f"{JETON} create {redirection}; "
                               "exit ${PIPESTATUS[0]}"], env=setting(d.path()),
                              capture_output=True, text=True)
        if redirection == "| true" and done.returncode == 0:
            continue        # it was faster than `true`
        assert done.returncode == status, done.stderr
        assert len(d.list()) - count == (0 if status == 2 else 1)
        assert ("revoke " + d.list()[-1]["id"] if status == 3 else "closed") in done.stderr


# -- pipes ---------------------------------------------------------------------------------------

def test_broken_pipes_and_closed_descriptors_are_borne_quietly(daemon):
    d = daemon()
    d.client().pipeline(["create description=" + "x" * 500] * 1000)
    for command in (f"{JETON} list | head -1", f"trap '' PIPE; {JETON} list | head -1",
                    f"{JETON} -j list | head -1", f"{JETON} export | head -1",
                    f"{JETON} watch after=0 | head -1", f"{JETON} ping <&-",
                    f"{JETON} ping 2>&-", f"{JETON} list >&-; echo", f"{JETON} ping <&- 2>&-"):
        done = subprocess.run(["bash", "-c", command], env=setting(d.path()),
                              capture_output=True, text=True, timeout=30 * PATIENCE)
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1), command
    assert "cannot write" in subprocess.run(
        ["sh", "-c", f"{JETON} list >/dev/full"], env=setting(d.path()), capture_output=True,
        text=True).stderr


def test_watch_ends_when_nobody_reads(daemon):
    d = daemon()
    watch = subprocess.Popen([JETON, "watch"], env=setting(d.path()), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    eventually(lambda: d.stats()["connections"] == "2", "it is connected")
    watch.stdout.close()
    watch.wait(30 * PATIENCE)
    assert watch.stderr.read() == b""


# -- documents -----------------------------------------------------------------------------------

def test_man_page_names_every_verb_and_option():
    with open(f"{ROOT}/plugin/cli/jeton.1") as file:
        page = file.read()
    for verb in (*VERBS, "web"):
        assert re.search(rf"^\.(It )?Cm {verb}\b", page, re.M), verb
    for option in re.findall(r"--([a-z-]+)", jeton("", "--help").out):
        assert re.search(rf"Fl -{option}\b", page), option
    for fields in TOKENS, ENTRIES:
        assert ", ".join(fields) in " ".join(page.split()), fields


def test_recipe_for_a_subject_who_leaves_revokes_tokens_of_every_state(daemon):
    d = daemon()
    own = [d.create(subject="ann"), d.create(subject="ann", delay="1h"), d.create(subject="ann", ttl="1h"),
           d.create(subject="ann")]
    for token in own[2:]:
        d.done(f"disable {token['id']}")
    d.done(f"revoke {own[3]['id']}")
    other = d.create(subject="bob")
    with open(f"{ROOT}/plugin/cli/jeton.1") as file:
        recipe, = (block for block in re.findall(r"\.Bd .*?\n(.*?)\.Ed", file.read(), re.S)
                   if "subject=ann" in block and "jeton revoke" in block)
    env = setting(d.path()) | {"PATH": f"{os.path.dirname(JETON)}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", recipe.removeprefix("$ ")], env=env, check=True, capture_output=True)
    assert {line["id"]: line["state"] for line in d.list()} == (
        {token["id"]: "revoked" for token in own} | {other["id"]: "active"})
