# SPDX-License-Identifier: Apache-2.0
"""The jeton command understands what people type, or explains it; and shows what fits, where it fits."""
import csv
import datetime
import io
import os
import re
import stat
import tempfile
import time

import pytest

from daemon import Daemon
from jeton_command import Impostor, Terminal, jeton
from settings import ROOT
from value import id_of

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
MINUTE = datetime.timedelta(minutes=1)
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PAGED = "sed s/^/paged:/"


def created(d, *arguments, **more):
    """Create a token through the command; return its fields, and what the command remarked."""
    done = jeton(d.path(), "create", *arguments, **more)
    assert done.status == 0, done
    return next(line for line in d.list() if line["id"] == id_of(done.out.strip())), done.err


def on_terminal(d, *arguments, **more):
    return Terminal(d.path(), *arguments, NO_COLOR="1", **more).finish()


# -- what people type ----------------------------------------------------------------------------

def test_keys_may_be_written_as_options_are(daemon):
    d = daemon()
    token, _ = created(d, "--description", "ci deploy", "--subject", "ann", "--scopes=a,b", "--ttl", "90d")
    assert (token["description"], token["subject"], token["scopes"]) == ("ci deploy", "ann", "a,b")
    assert created(d, "--description", "")[0].get("description") is None, "an empty text is a value"
    assert created(d, "--description", "x=1")[0]["description"] == "x=1"
    assert created(d, "--description=--json")[0]["description"] == "--json"
    done = jeton(d.path(), "--subject", "ann", "list", "--limit", "1", "-q")
    assert done.out == token["id"] + "\n", done
    assert jeton(d.path(), "show", "--id", token["id"]).status == 0
    before = len(d.list())
    for arguments, advice in (
            (["create", "--description"], "write description=TEXT"),
            (["create", "--description", "--subject", "ann"], "write description=TEXT"),
            (["create", "--description", "subject=ann"], "write description=TEXT"),
            (["create", "--descripton", "x"], "did you mean description=TEXT?"),
            (["create", "--desc", "x"], "did you mean description=TEXT?"),
            (["create", "-description", "x"], "did you mean description=TEXT?"),
            (["create", "--ttl"], "write ttl=DURATION"),
            (["list", "--revoked"], "write state=revoked"),
            (["list", "--jsno"], "did you mean --json?"),
            (["list", "-json"], "did you mean --json?"),
            (["create", "descripton=x"], "Did you mean description=?"),
            (["create", "scope=x"], "Did you mean scopes=?"),
            (["delete", "scope=x", "before=2026-12-01"], "Did you mean created_before=?"),
            (["list", "--within", "10d"], "did you mean expires_within=DURATION?"),
            (["create", "description", "x"], "write description=TEXT"),
            (["create", "description:", "x"], "write description=TEXT"),
            (["create", "description=", "x"], "usage: create"),
            (["creat"], "did you mean create?"), (["lits"], "did you mean list?"),
            (["ls"], "did you mean list?"), (["rm", "x"], "did you mean delete?"),
            (["help", "rotat"], "did you mean rotate?"), (["nonsense"], "see jeton help")):
        done = jeton(d.path(), *arguments)
        assert done.status == 2 and advice in done.err, f"{arguments} {done}"
    assert len(d.list()) == before, "what is not understood makes nothing"


def test_suggestions_never_repeat_what_may_be_a_value():
    value = "jtn_zn1Y94eH47mCe7ZrihyTENjtg6L9xLBf5syvmdzyQXo2gvbS2"
    server = Impostor(lambda _: b"OK\n")
    for arguments in (["verify", "--token", value], ["revoke", "--token", value], [f"--{value}"],
                      ["create", f"-{value}"], ["list", f"--{value[:12]}"], [value[:20]],
                      ["help", value[:20]]):
        done = jeton(server.path, *arguments, input=value)
        assert (done.status, value[:12] in done.out + done.err) == (2, False), f"{arguments} {done}"
    assert server.lines == [], "nothing was sent"


def test_verify_takes_the_option_token_for_reading_a_value(daemon):
    d = daemon()
    token = d.create()
    assert jeton(d.path(), "revoke", "--token", input=token["token"]).rows[0][1] == "revoked"


# -- times ---------------------------------------------------------------------------------------

def test_dates_are_taken_for_the_local_zone_and_the_exact_time_is_shown(daemon):
    d = daemon()
    year = time.gmtime().tm_year + 1
    for text, zone, exact in (
            (f"{year}-01-31", "UTC", f"{year}-01-31T00:00:00Z"),
            (f"{year}-01-31", BERLIN, f"{year - 0}-01-30T23:00:00Z"),
            (f"{year}-07-31 18:00", BERLIN, f"{year}-07-31T16:00:00Z"),
            (f"{year}-07-31T18:00+05:00", BERLIN, f"{year}-07-31T13:00:00Z")):
        token, remarks = created(d, f"expires={text}", TZ=zone)
        assert token["expires"] == exact and f"expires={text} is {exact}" in remarks, remarks
        assert zone == "UTC" or re.search(r" \(\d{4}-.* CES?T\)", remarks), remarks
    token, remarks = created(d, "--expires", f"{year}-01-31", "--utc", TZ=BERLIN)
    assert token["expires"] == f"{year}-01-31T00:00:00Z", remarks
    token, remarks = created(d, f"expires={year}-01-31T00:00:00Z")
    assert "jeton:" not in remarks, "no remark about what the protocol has"
    assert "jeton:" not in created(d, "expires=never")[1]
    for wrong in f"{year}-02-30", "31.01.2027", "tomorrow", "2mo2d", "1M":
        assert jeton(d.path(), "create", f"expires={wrong}").status == 2, wrong
    assert jeton(d.path(), "create", "expires=2020-01-31").status == 2, "the past is the past"
    assert jeton(d.path(), "update", token["id"], f"expires={year}-03-01").rows[0][3] == f"{year}-03-01T00:00:00Z"


def test_durations_of_weeks_and_months_become_exact_times(daemon):
    d = daemon()

    def lifetime(*arguments):
        token, remarks = created(d, *arguments)
        made, ends = (datetime.datetime.fromisoformat(token[key][:-1]) for key in ("created", "expires"))
        return made, ends, remarks
    day = datetime.timedelta(days=1)
    for text, days in ("ttl=3w", 21), ("ttl=1y", 365), ("ttl=3 weeks", 21), ("ttl=90 days", 90):
        made, ends, _ = lifetime(text)
        assert ends - made == days * day, text
    made, ends, _ = lifetime("ttl=3m")
    assert ends - made == datetime.timedelta(minutes=3), "m is minutes, never months"
    for text in "ttl=2mo", "expires=2mo", "expires=2 months":
        made, ends, remarks = lifetime(text)
        month = (made.month + 1) % 12 + 1
        assert ends.month == month and (ends.day == made.day or made.day > 28), (text, made, ends)
        shown = [stamp for line in remarks.splitlines() if line.startswith("jeton: ")
                 for stamp in STAMP.findall(line)]
        assert len(shown) == 1 and abs(datetime.datetime.fromisoformat(shown[0][:-1]) - ends) <= MINUTE, remarks
    made, ends, _ = lifetime("expires=3w")
    assert abs(ends - made - 21 * day) <= MINUTE
    assert created(d, "ttl=2mo", "-q")[1] == "", "no remarks with --quiet"
    old = d.create()["id"]
    assert jeton(d.path(), "rotate", old, "grace=1mo").status == 0


def test_times_are_shown_in_the_local_zone_with_its_name(daemon):
    d = daemon()
    year = time.gmtime().tm_year + 1
    ident = d.create(expires=f"{year}-01-31T12:00:00Z")["id"]
    d.create(expires=f"{year}-07-31T12:00:00Z")
    berlin = on_terminal(d, "list", columns=200, TZ=BERLIN)
    zone = re.search(r"EXPIRES (CES?T)", berlin)[1]
    shown = [f"{year}-01-31 13:00" + ("" if zone == "CET" else " CET"),
             f"{year}-07-31 14:00" + ("" if zone == "CEST" else " CEST")]
    assert all(re.search(rf"{text}  ", berlin) for text in shown), berlin
    utc = on_terminal(d, "list", "--utc", columns=200, TZ=BERLIN)
    assert "EXPIRES UTC" in utc and f"{year}-01-31 12:00  " in utc, utc
    assert f"{year}-01-31 13:00 CET\n" in on_terminal(d, "show", ident, TZ=BERLIN)
    assert f"{year}-01-31 12:00 UTC\n" in on_terminal(d, "show", ident, "--utc", TZ=BERLIN)
    assert f"{year}-01-31T12:00:00Z" in jeton(d.path(), "list", TZ=BERLIN).out, "programs get UTC"


# -- forms ---------------------------------------------------------------------------------------

def test_quiet_prints_only_values_and_identifiers(daemon):
    d = daemon()
    done = jeton(d.path(), "-q", "create", "description=x")
    assert re.fullmatch(r"jtn_\w{49}\n", done.out) and done.err == "", done
    ident = id_of(done.out.strip())
    assert re.fullmatch(r"jtn_\w{49}\n", on_terminal(d, "create", "--quiet")), "on a terminal, too"
    listed = jeton(d.path(), "list", "-q")
    assert listed.out.split() == [line["id"] for line in d.list()] and listed.err == ""
    assert on_terminal(d, "list", "-q", "subject=nobody") == ""
    for verb in "show", "disable", "enable", "revoke":
        assert jeton(d.path(), verb, ident, "-q").out == ident + "\n", verb
    assert jeton(d.path(), "verify", "-q", input=done.out).status == 1
    assert jeton(d.path(), "ping", "-q").out == ""
    done = jeton(d.path(), "import", "-q", input="digest=" + "7" * 64 + "\n")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert jeton(d.path(), "import", "-q", input="digest=zz\n").err != "", "a fault is no remark"
    assert '"id"' in jeton(d.path(), "-qj", "list").out


def test_fields_that_are_asked_for_are_the_columns():
    server = Impostor(lambda _: b"* id=%020x description=x revoked=2026-11-24T05:51:41Z\nOK count=1\n" % 1)
    ask = lambda *arguments: jeton(server.path, "list", *arguments).out
    assert ask("fields=description,id") == "x\t" + "1".zfill(20) + "\n"
    assert ask("--csv", "fields=id,description").splitlines()[0] == "id,description"
    assert len(ask("fields=id,later_invention").split("\t")) == len(ask().split("\t")) == 24
    with open(f"{ROOT}/daemon/writer/list_fields.c") as file:
        names = re.findall(r'^    "(\w+)",$', file.read(), re.M)
    assert len(names) > 25 and ask("--csv", "fields=" + ",".join(names)).splitlines()[0].split(",") == names
    table = Terminal(server.path, "list", "fields=id,revoked,used", NO_COLOR="1").finish()
    assert re.fullmatch(r"ID +REVOKED UTC +USED UTC\n0+1  2026-11-24 05:51  -\n", table), table


def test_csv_is_read_by_others_and_no_text_becomes_a_formula(daemon):
    d = daemon()
    texts = ['=cmd|"/c calc"!A1', "+1", "-1+1", "@SUM(1)", "\uff1d1", 'quo"te', "a,b;c", "line\nend\x1b[2J",
             "C:\\new", "日本", " = 1", "'x", "plain", "\u202eevil", 'x;=cmd; "-1;-']
    for text in texts:
        d.create(description=text, scopes="a,b")
    done = jeton(d.path(), "--csv", "list", LC_ALL="C")
    assert done.out.count("\r\n") == done.out.count("\n") == len(texts) + 1
    header, *rows = csv.reader(io.StringIO(done.out, newline=""), strict=True)
    assert header == ("id state created expires used subject scopes description activates by replaces replaced_by revoked "
                      "revoked_by refused last_refused refused_by violates disabled disabled_by "
                      "reused last_reused group origin").split()
    read = [row[header.index("description")] for row in rows]
    assert all(row[header.index("scopes")] == "a,b" for row in rows)
    assert not any(re.match("[=+@\uff1d\\-]", text) for text in read)
    assert read == (["'" + text for text in texts[:5]] + texts[5:7] + [r"line\nend\x1b[2J"] + texts[8:13] +
                    [r"\u202eevil", """x;'=cmd;' "-1;'-"""])
    ident = rows[0][0]
    header, row = csv.reader(io.StringIO(jeton(d.path(), "--csv", "show", ident).out, newline=""))
    assert row[0] == ident
    assert ["role", "admin"] in list(csv.reader(io.StringIO(jeton(d.path(), "--csv", "hello").out, newline="")))
    assert jeton(d.path(), "--csv", "list", "subject=nobody").out.startswith("id,state,"), "a header alone"
    for arguments in ["create"], ["rotate", ident], ["export"]:
        assert jeton(d.path(), "--csv", *arguments).status == 2
    assert len(d.list()) == len(texts), "nothing was made"


def test_empty_list_is_remarked_on_a_terminal_only(daemon):
    d = daemon()
    assert on_terminal(d, "list") == "jeton: no tokens\n"
    assert on_terminal(d, "list", "state=active") == "jeton: no tokens match\n"
    assert on_terminal(d, "journal") == "jeton: no entries\n"
    done = jeton(d.path(), "list")
    assert (done.status, done.out, done.err) == (0, "", "")
    with tempfile.TemporaryFile() as out:       # only standard error is a terminal
        assert Terminal(d.path(), "list", stdout=out.fileno()).finish() == ""
    assert on_terminal(d, "--json", "list") == "[]\n"


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_what_counts_stays_on_narrow_terminals(daemon, columns):
    d = daemon()
    d.create(description="x" * 200)
    lines = on_terminal(d, "list", columns=columns).splitlines()
    assert columns == 40 or ("EXPIRES" in lines[0] and " never " in lines[1]), "nor is it left out that nothing expires"
    d.done(f"delete {d.list()[0]['id']}")
    d.create(description="the deployment of the web shop " + "x" * 200, subject="somebody-or-other",
             scopes="deploy,read,write", ttl="90d")
    d.done(f"disable {d.create(description='日本語' * 30)['id']}")
    for more in {}, {"TERM": "dumb"}, {"LC_ALL": "C"}:
        header, *rows = on_terminal(d, "list", columns=columns, **more).splitlines()
        assert {"ID", "STATE"} <= set(header.split()) and "DESCR" in header
        assert columns == 40 or "EXPIRES" in header
        assert all(re.match(r"[0-9a-f]{20}  (active|disabled) ", row) for row in rows), rows
        assert all("…" in row or "..." in row for row in rows), rows
    header, *rows = on_terminal(d, "journal", columns=columns).splitlines()
    assert {"EVENT", "ID"} <= set(header.split())
    assert columns == 40 or max(map(len, rows)) <= columns, rows
    piped = jeton(d.path(), "list", COLUMNS=str(columns)).out
    assert "x" * 200 in piped and "日本語" * 30 in piped and "…" not in piped


def test_service_that_has_no_section_is_remarked(daemon):
    d = daemon()
    value = d.create()["token"]
    done = jeton(d.path(), "verify", "service=imapp", input=value)
    assert done.status == 0 and "[service other]" in done.err, done
    assert jeton(d.path(), "verify", "service=imapp", "-q", input=value).err == ""
    assert jeton(d.path(), "verify", "service=other", input=value).err == ""


# -- the pager -----------------------------------------------------------------------------------

def many(d, count=30):
    d.client().pipeline([f"create description=d{n}" for n in range(count)])


def test_long_lists_go_through_the_pager_and_short_ones_do_not(daemon):
    d = daemon()
    many(d)
    paged = on_terminal(d, "list", lines=24, JETON_PAGER=PAGED)
    assert paged.count("paged:") == 31, paged
    for variables in {"JETON_PAGER": "cat"}, {"JETON_PAGER": "", "PAGER": PAGED}, {"TERM": "dumb", "PAGER": PAGED}:
        assert "paged:" not in on_terminal(d, "list", **variables), variables
    assert "paged:" in Terminal(d.path(), "list", NO_COLOR="1", **{"JETON_PAGER": PAGED, "PAGER": "cat"}).finish()
    for arguments in ["list"], ["list", "limit=3"], ["show", d.list()[0]["id"]]:
        assert "paged:" not in on_terminal(d, *arguments, lines=200, JETON_PAGER=PAGED)
    assert "paged:" in on_terminal(d, "help", JETON_PAGER=PAGED)
    assert "paged:" not in jeton(d.path(), "list", JETON_PAGER=PAGED).out
    for form in "--json", "--plain", "--csv", "-q":
        assert "paged:" not in on_terminal(d, "list", form, JETON_PAGER=PAGED), form


def test_value_that_is_shown_once_never_goes_through_the_pager(daemon):
    d = daemon()
    ident = d.create()["id"]
    for arguments in ["create", "description=x"], ["rotate", ident], ["-q", "create"], ["-j", "create"]:
        output = on_terminal(d, *arguments, lines=2, JETON_PAGER=PAGED)
        assert "jtn_" in output and "paged:" not in output, output


def test_leaving_the_pager_early_is_no_fault(daemon):
    d = daemon()
    many(d, 3000)
    terminal = Terminal(d.path(), "list", JETON_PAGER="head -n 2")
    assert terminal.finish().count("\n") == 2
    assert terminal.status == 0
    terminal = Terminal(d.path(), "list", "limit=40", JETON_PAGER="exit 1")
    terminal.finish()
    assert terminal.status == 0
    terminal = Terminal(d.path(), "list", "limit=40", JETON_PAGER="sed 1,39d")
    output = terminal.finish()
    assert output.index("continue with after=") > output.index("d38"), "remarks come behind the pager"


def test_list_that_is_cut_off_is_seen_behind_the_pager():
    rows = b"".join(b"* id=%020x state=active\n" % n for n in range(600))
    terminal = Terminal(Impostor(lambda _: rows, once=True).path, "list", JETON_PAGER="cat >/dev/null")
    assert "the connection ended before the answer" in terminal.finish()
    assert terminal.status == 3


def test_pager_gets_no_rights_that_are_lent(daemon):
    if not os.access("/usr/bin/less", os.X_OK):
        pytest.skip("less is not installed")
    d = daemon()
    many(d)
    own = tempfile.mkdtemp()
    for name in "less", "sh":
        with open(f"{own}/{name}", "w") as file:
            file.write(f"#!/bin/sh\ntouch {own}/ran\n")
        os.chmod(file.name, stat.S_IRWXU)
    terminal = Terminal(d.path(), "list", SUDO_UID="1000", PATH=own, HOME=own, PAGER=f"touch {own}/ran",
                        JETON_PAGER=f"touch {own}/ran", LESS=f"-o{own}/log", LESSOPEN=f"|touch {own}/ran",
                        LESSSECURE_ALLOW="shell", SHELL=f"{own}/sh").expect("d21")
    terminal.type("!").expect("not available").type("\nq").finish()
    assert sorted(os.listdir(own)) == ["less", "sh"] and terminal.status == 0


def test_pager_is_less_as_git_has_it(daemon):
    d = daemon()
    many(d)
    directory = tempfile.mkdtemp()
    with open(f"{directory}/less", "w") as file:
        file.write('#!/bin/sh\necho "secure=$LESSSECURE less=$LESS"; exec cat\n')
    os.chmod(file.name, stat.S_IRWXU)
    path = f"{directory}:{os.environ['PATH']}"
    assert "secure= less=FRX" in on_terminal(d, "list", PATH=path, JETON_PAGER="less")
    assert "secure= less=S" in on_terminal(d, "list", PATH=path, JETON_PAGER="less", LESS="S")
    plain = on_terminal(d, "list", JETON_PAGER="less", PATH="/nowhere")
    assert plain.count("active") == 30, "without a pager, the list is shown all the same"


# -- documents -----------------------------------------------------------------------------------

def test_every_key_is_explained_in_help_and_man_page():
    with Daemon() as d:
        usages = {line["verb"]: line["usage"] for line in d.done("help").lines}
    with open(f"{ROOT}/plugin/cli/jeton.1") as file:
        page = file.read()
    for verb, usage in usages.items():
        keys = set(re.findall(r"\b([a-z_]+)=", usage)) - {"token"}
        text = jeton("", "help", verb)
        if text.status != 0:
            continue                            # not a verb of the command
        explained = dict(re.findall(r"^  ([a-z_]+)=\S* +(\S.*)$", text.out, re.M))
        assert keys <= explained.keys() | {"id"}, f"{verb}: {keys - explained.keys()} without a row in plugin/cli/key.c"
    for variable in "JETON_PAGER", "PAGER", "NO_COLOR", "TZ":
        assert re.search(rf"^\.It Ev (.* , )?{variable}\b", page, re.M), variable
