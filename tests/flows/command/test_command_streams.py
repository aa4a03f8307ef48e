# SPDX-License-Identifier: Apache-2.0
"""The jeton command with much data: import, export, watch."""
import json
import re
import subprocess

from jeton_command import JETON, Impostor, Terminal, Watching, jeton, setting
from settings import PATIENCE, scaled
from value import value_new
from waiting import eventually


def digest_line(number, more=""):
    return f"import digest={number:020x}{'7' * 44} created=2026-01-01T00:00:00Z{more}"


# -- export and import ---------------------------------------------------------------------------

def test_export_piped_into_import_moves_every_token(daemon):
    count = scaled(3000, 300)
    old = daemon()
    new = daemon()
    old.client().pipeline(
        [f'create subject=s{n % 7} scopes=a,b description="n \\"{n}\\" \\x01 ü"'
         for n in range(count)], within=60)
    old.done(f"revoke {old.list(limit=1)[0]['id']}")
    done = subprocess.run(["sh", "-c", f"{JETON} export | {JETON} -S {new.path()} import"],
                          env=setting(old.path()), capture_output=True, text=True, timeout=60 * PATIENCE)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"imported {count} tokens, refused 0 lines" in done.stderr, done.stderr
    exported = [jeton(d.path(), "export").out for d in (old, new)]
    lines = [re.sub(r" epoch=\w+ checksum=\w+\n$", "\n", text).splitlines() for text in exported]
    assert sorted(lines[0]) == sorted(lines[1])
    assert (exported[0].splitlines()[:-1] ==
            [line.decode() for line in old.done("export").data]), "as the daemon prints them"


def test_refused_line_stops_the_import_and_is_named(daemon):
    d = daemon()
    lines = [digest_line(n) for n in range(1, 4)] + ["import digest=x", digest_line(5)]
    more = [digest_line(5)] * 2000
    done = jeton(d.path(), "import", input="\n".join(lines + more) + "\n")
    assert ((done.status, done.err.splitlines()[0]) ==
            (2, "jeton: line 4: digest=: a digest is 64 hex digits"))
    last = int(re.search("Stopped: the lines after line ([0-9]+) were not read.  With --keep-going", done.err)[1])
    assert "refused 1 line" in done.err and 4 < last < 2005, done
    done = jeton(d.path(), "import", "-k", input="\n".join(lines + [digest_line(6), ""]))
    assert (done.status, len(d.list())) == (2, 5), done
    assert [n for n in range(1, 7) if f"line {n}:" in done.err] == [4], done
    assert re.search("[12] new, 0 updated, 0 denied, [34] already here", done.err), done
    output = json.loads(jeton(d.path(), "-j", "import", input=digest_line(7) + "\n").out)
    assert output == {"ok": True, "imported": 1, "refused": 0, "bans": 0, "banned": 0,
                      "new": 1, "updated": 0, "denied": 0, "present": 0}
    output = json.loads(jeton(d.path(), "-jk", "import", input="\n".join(lines) + "\n").out)
    assert (output["ok"], output["refused"], output["present"]) == (False, 1, 4)


def test_import_takes_all_sorts_of_lines_but_only_imports(daemon):
    value = value_new()
    d = daemon()
    ident = d.create()["id"]
    lines = ["", "   ", "# a comment", "* " + digest_line(1), digest_line(2) + "\r",
             f"token={value} description=x", "  * import digest=" + "3" * 64,
             f"delete {ident}", f"* revoke {ident}", "create description=a=b", "quit", "OK",
             "import", "x" * 200000, "y" * 9000 + "=", "\x00", "ERR no", digest_line(4)]
    done = jeton(d.path(), "import", "--keep-going", input="\n".join(lines) + "\n")
    assert (done.status, value in done.err) == (2, False), done
    refused = [number for number in range(1, len(lines) + 1) if f"line {number}: " in done.err]
    assert refused == [8, 9, 10, 11, 13, 14, 15, 16, 17], done.err
    assert (refused == sorted(int(line.split("line ")[1].split(":")[0])
                            for line in done.err.splitlines() if "line " in line.split(":")[1]))
    assert (len(d.list()), d.list()[0]["state"]) == (6, "active")
    assert d.verify(value) == "OK"


def test_export_that_lost_its_middle_is_noticed(daemon):
    old = daemon()
    new = daemon()
    old.client().pipeline(["create"] * 10)
    lines = jeton(old.path(), "export").out.splitlines()
    done = jeton(new.path(), "import", input="\n".join(lines[:3] + lines[5:] + [""]))
    assert done.status == 2 and "10 tokens, but here are 8" in done.err, done
    assert len(new.list()) == 8


def test_export_that_was_cut_off_is_noticed_and_brings_no_revoked_token_to_life(daemon):
    old = daemon()
    value = value_new()
    for number in range(3):
        old.done(f"import digest={number}{'7' * 63}")
    old.done(f'import token="{value}" state=revoked description="the last"')
    text = jeton(old.path(), "export").out
    final = text.index("OK count=4 ")
    cut = text.index(" revoked=")
    for at, count in (cut, 3), (final - 1, 3), (final, 4), (final + 3, 4), (len(text) - 1, 4):
        new = daemon()
        done = jeton(new.path(), "import", input=text[:at])
        assert done.status == 2 and "the input was cut off" in done.err, (at, done)
        assert f"imported {count} token" in done.err, (at, done)
        assert len(new.list()) == count, at
        assert new.verify(value) == ("NO revoked" if count == 4 else "NO unknown"), at
        kept = jeton(new.path(), "-k", "-j", "import", input=text[:at])
        assert kept.status == 2 and json.loads(kept.out)["ok"] is False, (at, kept)
    assert jeton(daemon().path(), "import", input=text + text[:cut]).status == 2, "a second export"
    assert jeton(daemon().path(), "import", input=text).status == 0


def test_import_of_lines_made_by_hand_needs_their_line_ends_but_no_last_line(daemon):
    d = daemon()
    assert jeton(d.path(), "import", input=digest_line(1) + "\n").status == 0
    for number, torn in enumerate((digest_line(2), "x" * 200000, "# OK count=", "\x00"), 3):
        done = jeton(d.path(), "import", input=digest_line(number) + "\n" + torn)
        assert done.status == 2 and "line 2" in done.err and "imported 1 token," in done.err, done
    assert len(d.list()) == 5


def test_import_waits_for_slow_input_and_does_not_hold_back(daemon):
    d = daemon()
    process = subprocess.Popen([JETON, "import"], env=setting(d.path()), text=True,
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    for number in range(1, 4):
        process.stdin.write(digest_line(number) + "\n")
        process.stdin.flush()
        eventually(lambda: len(d.list()) == number, "it is imported though more may follow")
    process.stdin.write(digest_line(9) + "\n")
    output = process.communicate(timeout=30 * PATIENCE)[1]
    assert (process.returncode, len(d.list())) == (0, 4), output


def test_import_shows_what_is_not_known_when_the_daemon_goes():
    # It goes once it has all lines: those that the command has not read yet are none of the unknown.
    replies = iter([b"OK\n"] * 5 + [b""] * 14)
    server = Impostor(lambda _: next(replies, None))
    done = jeton(server.path, "import", input="".join(digest_line(n) + "\n" for n in range(20)))
    assert done.status == 3
    assert "imported 5 tokens" in done.err and "lines 6 to 20" in done.err, done
    for output, status in (b"ERR store message=full\n", 3), (b"ERR full message=x\n", 3), (b"ERR bad-value message=x\n", 2):
        server = Impostor(lambda _: output)
        done = jeton(server.path, "import", "-k", input="\n".join(map(digest_line, range(1000))) + "\n")
        assert (done.status, len(server.lines) < 1000) == (status, status == 3), done
    assert jeton(Impostor(lambda _: b"").path, "import", "-T1s",
                 input=digest_line(1) + "\n").status == 3


def test_replies_that_come_faster_than_they_are_read_stop_nobody():
    # Both sides write all they can before they read: 8 KiB an answer, 256 of them on their way.
    server = Impostor(lambda _: b"OK description=" + b"x" * 8000 + b"\n")
    count = scaled(5000, 1000)
    text = "".join(digest_line(n, " description=" + "y" * 1000) + "\n" for n in range(count))
    done = jeton(server.path, "import", input=text, within=60)
    assert f"imported {count} tokens" in done.err, done


# -- watch ---------------------------------------------------------------------------------------

def serial_of(line):
    """Return the serial of an entry, plain or as an object."""
    return json.loads(line)["serial"] if line.startswith("{") else int(line.split("\t")[0])


def test_watch_shows_each_entry_once_through_restarts_and_kills(daemon):
    d = daemon()
    d.create()
    plain, objects = Watching(d.path("observe")), Watching(d.path("observe"), "--json")
    made = 1

    def both_watch():
        nonlocal made
        d.create()
        made += 1
        return plain.lines and objects.lines
    eventually(both_watch, "they watch", every=0.05)
    for number in range(4):
        d.client().pipeline(["create"] * 50)
        made += 50
        if number % 2:
            d.kill()
        else:
            d.stop()
        d.start()
        d.client().pipeline(["create"] * 10)
        made += 10
    for watching in plain, objects:
        eventually(lambda: serial_of(watching.lines[-1]) == made, "all is shown")
        eventually(lambda: watching.has("is away") and watching.has("is back; going on after entry"), "it has told so")
        assert watching.end() == -15
        first = serial_of(watching.lines[0])
        assert first >= 2, "without after=, only what is new"
        assert [serial_of(line) for line in watching.lines] == list(range(first, made + 1))


def test_watch_begins_where_it_should_and_ends_where_it_must(daemon):
    d = daemon("daemon.journal_entries=100")
    d.client().pipeline(["create"] * 3000)
    removed = eventually(lambda: (oldest := int(d.stats()["journal_oldest"])) > 10 and oldest, "entries are removed")
    done = jeton(d.path(), "watch", "after=1")
    oldest = int(re.search(r" oldest=(\d+)", done.err)[1])     # more may be removed meanwhile
    assert (done.status, oldest >= removed) == (2, True), done
    assert jeton(d.path(), "watch", "after=x").status == 2
    assert jeton(d.path(), "watch", "nonsense=1").status == 2
    assert jeton(d.path("verify"), "watch").status == 2
    head = subprocess.run(["sh", "-c", f"{JETON} watch --after={oldest + 4} | head -3"],
                          env=setting(d.path()), capture_output=True, text=True, timeout=30 * PATIENCE)
    assert ([int(line.split("\t")[0]) for line in head.stdout.splitlines()] ==
            [oldest + 5, oldest + 6, oldest + 7])


def test_watch_on_a_terminal_is_a_table_that_grows(daemon):
    d = daemon()
    terminal = Terminal(d.path(), "watch", columns=100, NO_COLOR="1").expect("SERIAL")
    for number in range(1, 4):
        d.create(description=f"token-{number} " + "x" * 200)
        terminal.expect(f"token-{number}")
    output = terminal.type("\x03").finish()
    assert terminal.status == -2
    lines = output.replace("^C", "").splitlines()
    assert (len(lines), max(map(len, lines))) == (4, 100), output
    assert {line.index("create") for line in lines[1:]} == {lines[0].index("EVENT")}


def test_watch_neither_repeats_nor_believes_nonsense():
    def answer(line):
        if line == b"stats":
            return b"* name=journal_newest value=7\nOK\n"
        asked.append(line)
        if len(asked) == 1:
            return b"* serial=8 event=create\n" * 2 + b"* serial=9 event=create\nOK\n"
        if len(asked) == 2:
            return None
        if len(asked) == 3:
            return b"ERR busy message=x\n"
        return b"* serial=9 event=create\n* serial=10 event=create\n* nonsense\n"
    asked = []
    done = jeton(Impostor(answer).path, "watch")
    assert [row[0] for row in done.rows] == ["8", "9", "10"]
    assert asked == [b"watch after=7"] + [b"watch after=9"] * 3
    assert done.status == 3


def test_import_takes_bans_and_counts_what_is_banned_apart(daemon):
    old, new = daemon(), daemon()
    gone, active = old.create(), old.create()
    export = jeton(old.path(), "export").out
    old.done(f"delete {gone['id']}")
    old.done(f"ban digest={'ab' * 32} ttl=1h")
    done = jeton(new.path(), "import", input=jeton(old.path(), "export").out)
    assert (done.status, done.err.splitlines()[-1]) == (
        0, "jeton: imported 1 token, refused 0 lines; 2 bans, 0 tokens not imported because banned")
    assert [line["id"] for line in new.list()] == [active["id"]]
    new.done(f"delete {active['id']}")
    output = jeton(new.path(), "-j", "import", input=export)
    assert json.loads(output.out) == {"ok": True, "imported": 0, "refused": 0, "bans": 0, "banned": 2,
                                      "new": 0, "updated": 0, "denied": 0, "present": 0}
    done = jeton(new.path(), "ban", "--value", "ttl=1h", input="x" * 40 + "\n")
    assert (done.status, "banned" in done.out) == (0, True), done
