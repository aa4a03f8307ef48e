# SPDX-License-Identifier: Apache-2.0
"""The jeton command for people: tables, colours, prefixes of identifiers, advice, completion; and
that nothing a server sends can harm the terminal or the command."""
import json
import os
import random
import re
import struct
import subprocess
import tempfile
import time
import unicodedata

import pytest

from daemon import Daemon
from jeton_command import JETON, Impostor, Terminal, jeton, setting
from requirements import need_root
from settings import PATIENCE, ROOT, scaled
from waiting import in_time

COLOURS = re.compile(r"\033\[\d+m")
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def width(text):
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
               for c in text)


def on_terminal(d, *arguments, **more):
    return Terminal(d.path(), *arguments, **more).finish()


def starts(line):
    """The columns of the screen at which a line's cells begin."""
    return [width(line[:match.start()]) for match in re.finditer(r"(?<=\s\s)\S|^\S", line)]


# -- tables --------------------------------------------------------------------------------------

def test_table_is_aligned_and_as_wide_as_the_terminal(daemon):
    d = daemon()
    for text in "plain", "日本語のトークン", "e\u0301 combined", "x" * 300, "":
        d.create(description=text, subject="ann", scopes="deploy,read", ttl="90d")
    d.create(delay="1h")
    for columns in 40, 60, 80, 100, 132, 200:
        header, *rows = on_terminal(d, "list", columns=columns, NO_COLOR="1").splitlines()
        assert len(rows) == 6
        assert max(map(width, [header, *rows])) <= columns, (columns, rows)
        for row in rows:
            assert set(starts(row)) <= set(starts(header)), f"{columns}\n{header}\n{row}"
        assert header.startswith("ID  ") and "STATE" in header and "DESCRIPT" in header
        assert columns == 40 or "EXPIRES" in header, "what counts stays"
        assert any("…" in row for row in rows), columns
    wide = on_terminal(d, "list", columns=400, NO_COLOR="1")
    assert "x" * 300 in wide and "…" not in wide
    assert (wide.split("\n")[0].replace(" UTC", "").split() ==
            "ID STATE CREATED EXPIRES USED SUBJECT SCOPES DESCRIPTION".split())
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d  never ", wide), wide
    assert on_terminal(d, "list", "subject=nobody") == "jeton: no tokens match\n", "and no header"
    piped = jeton(d.path(), "list").out
    assert "x" * 300 in piped and "ID" not in piped and "\033" not in piped


def test_table_goes_on_behind_what_was_measured(daemon):
    d = daemon()
    d.client().pipeline([f"create description=d{n} subject=s" for n in range(1200)])
    d.create(description="last", subject="a-much-longer-subject")
    lines = on_terminal(d, "list", columns=100, NO_COLOR="1").splitlines()
    assert len(lines) == 1202
    assert {tuple(starts(line)) for line in lines[1:]} == {tuple(starts(lines[1]))}
    assert "a-muc" in lines[-1] and "…" in lines[-1], lines[-1]


def test_state_is_coloured_on_terminals_that_want_it(daemon):
    d = daemon()
    tokens = [d.create()["id"] for _ in range(3)]
    d.create(delay="1h")
    d.done(f"disable {tokens[1]}")
    d.done(f"revoke {tokens[2]}")
    output = on_terminal(d, "list")
    assert (re.findall(r"\033\[(\d+)m(\w+)\033\[0m", output) ==
            [("32", "active"), ("33", "disabled"), ("31", "revoked"), ("33", "pending")])
    for more in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
        assert not COLOURS.search(on_terminal(d, "list", **more)), more
    assert not COLOURS.search(on_terminal(d, "--plain", "list"))
    json.loads(on_terminal(d, "--json", "list"))


def test_value_on_a_terminal_stands_apart_with_a_warning(daemon):
    d = daemon()
    output = on_terminal(d, "create", "description=x", "ttl=1h")
    value, = re.findall(r"^ +(jtn_\w{49})$", output, re.M)
    assert "this once" in output and "expires" in output, output
    assert d.verify(value) == "OK"
    assert "does not expire" in on_terminal(d, "create")


def test_nothing_harmful_reaches_the_terminal():
    nasty = "a\x1b[31mb\x07\n\r\t\x7f\u009b\u202e日é"
    with Daemon() as d:
        ident = d.create(description=nasty, subject=nasty)["id"]
        for arguments in ["list"], ["show", ident], ["journal"], ["export"], ["show", "zz" + nasty]:
            for more in {}, {"LC_ALL": "C"}, {"LC_ALL": "xx_XX.UTF-8"}:
                output = COLOURS.sub("", on_terminal(d, *arguments, columns=200, **more))
                assert not HARMFUL.search(output.replace("\n", "")), (arguments, more, output)
                if arguments[0] in ("list", "show") and len(arguments) + len(output) > 200:
                    assert ("日é" in output) == (more != {"LC_ALL": "C"}), output
        assert r"a\x1b[31mb\x07\n\r\t\x7f\u009b\u202e" in on_terminal(d, "show", ident)
    output = jeton(Impostor(lambda _: b'NO unknown message="a\\nb\\x1b[0m" x="\\x9b"\n').path,
                 "ping").err
    assert output == "jeton: unknown: a\\nb\\x1b[0m (x=\ufffd)\n"


def test_progress_is_shown_when_stderr_is_a_terminal_and_work_is_long():
    rows = b"".join(b"* id=%020x state=active\n" % n for n in range(1000))
    chunks = iter([rows] * 15 + [b"OK count=15000\n"])

    class Stream(Impostor):
        def serve(self, sock):
            sock.recv(100)
            for chunk in chunks:
                sock.sendall(chunk)
                time.sleep(0.1)
    with tempfile.TemporaryFile() as out:
        output = Terminal(Stream(None).path, "list", stdout=out.fileno()).finish()
        assert re.fullmatch(r"(\r\d+ received\033\[K)+\r\033\[K", output), output
        out.seek(0)
        assert out.read().count(b"\n") == 15000


# -- identifiers ---------------------------------------------------------------------------------

def import_id(d, digits):
    return d.done(f"import digest={digits.ljust(64, '7')} description=is-{digits}")["id"]


def test_first_digits_of_an_identifier_do(daemon):
    d = daemon()
    d.client().pipeline(["create"] * 500)
    one = import_id(d, "abcdef0123")
    import_id(d, "abcdef99")
    edges = [import_id(d, digit * 8) for digit in "0f"]
    for role in "observe", "admin":
        show = lambda *words: jeton(d.path(role), "show", *words)
        assert show("ABCDEF01").rows[0][0] == one
        assert show("--id=abcdef0").rows[0][0] == one
        assert [show(edge[:6]).rows[0][0] for edge in edges] == edges
        done = show("abcdef")
        assert done.status == 2
        assert "is-abcdef0123" in done.err and "is-abcdef99" in done.err, done
        assert ([show(digits).status for digits in ("abcde", "abcdee", one, "a" * 21)] ==
                [2, 1, 0, 2])
    assert jeton(d.path(), "revoke", "abcdef0").rows[0][:2] == [one, "revoked"]
    assert jeton(d.path(), "update", "abcdef9", "description=new").rows[0][7] == "new"
    for n in range(12):
        import_id(d, f"bbbbbb{n:02x}")
    done = jeton(d.path(), "show", "bbbbbb")
    assert (done.status, done.err.count("is-bbbbbb"), "and more" in done.err) == (2, 8, True)


def test_first_digits_do_for_those_who_may_not_have_the_table():
    tokens = [b"abcdef%014x" % 1, b"abcdef%014x" % 2, b"ffffff%014x" % 3]

    def answer(line):
        verb, _, ident = line.partition(b" ")
        found = [token for token in tokens if verb == b"list" or token == ident]
        if verb == b"table":
            return b"ERR forbidden message=no\n"
        return b"".join(b"* id=%s state=active\n" % token for token in found) + b"OK\n"
    server = Impostor(answer)
    assert jeton(server.path, "show", "ffffff").rows[0][0] == tokens[2].decode()
    assert jeton(server.path, "show", "abcdef").status == 2
    assert jeton(server.path, "show", "abcdef", "-T30s").err.count("active") == 2
    assert jeton(server.path, "disable", "123456").status == 1
    assert not any(line.startswith(b"disable") for line in server.lines)


def table_file(header, rest=b""):
    fd = os.memfd_create("table")
    os.write(fd, header.ljust(4096, b"\0") + rest)
    return fd


def test_table_that_is_none_is_passed_over():
    header = struct.pack("=QIIQQQQQ", 0x31626174656e6f74, 1, 6, 4096, 8192, 64, 8256, 1)
    state = header.ljust(136, b"\0") + struct.pack("=I", 1)
    slot = struct.pack("=II", 2, 1).ljust(64, b"\xab")
    torn = struct.pack("=II", 1, 1).ljust(64, b"\xab") * 64
    pipe, zero = os.pipe()[0], os.open("/dev/zero", os.O_RDONLY)
    huge = state.replace(struct.pack("=II", 1, 6), struct.pack("=II", 1, 26))
    for fd in (pipe, zero, table_file(b""), table_file(b"x" * 4096), table_file(header, slot * 64),
               table_file(state), table_file(state, torn), table_file(huge, slot * 64)):
        ident = b"abcdef" + b"0" * 14
        server = Impostor(lambda line: (b"OK size=1\n", fd, zero)[:2 + (fd == pipe)]
                          if line == b"table" else b"* id=" + ident + b"\nOK count=1\n")
        assert jeton(server.path, "show", "abcdef").rows[0][0] == ident.decode(), fd
        assert b"list" in server.lines, fd
    good = table_file(state, bytes(64 * (0xab >> 2)) + slot + bytes(64 * 21))
    server = Impostor(lambda line: (b"OK\n", good) if line == b"table" else b"* id=x\nOK\n")
    assert jeton(server.path, "show", "ababab").status == 0
    assert server.lines == [b"table", b"show " + b"ab" * 10]
    assert jeton(server.path, "show", "ababac").status == 1


# -- sockets -------------------------------------------------------------------------------------

def test_advice_is_given_when_there_is_no_way_in(daemon):
    d = daemon()
    for path, advice in (("/nowhere/x.sock", "is jetond running"), ("x" * 200, "too long"),
                         (d.log_path, "running")):
        done = jeton(path, "ping")
        assert (done.status, advice in done.err) == (3, True), done
    assert jeton("/nowhere", "-S", d.path(), "ping").status == 0
    assert jeton("", "ping").status == 3
    path = d.path()
    d.kill()
    assert "is jetond running" in jeton(path, "ping").err
    d.start()


def test_socket_that_somebody_else_could_have_put_there_is_not_used(daemon):
    need_root()
    d = daemon(uid=65534)
    value = d.create()["token"]
    assert jeton(d.path(), "verify", input=value).status == 0
    os.chmod(d.directory, 0o777)
    for arguments in ("verify",), ("create",):
        done = jeton(d.path(), *arguments, input=value)
        assert (done.status, done.out) == (3, ""), done
        assert f"{d.directory} can be written by group or others" in done.err, done
    os.chmod(d.directory, 0o755)
    os.symlink(d.path(), f"{d.directory}/link.sock")
    assert "is a symbolic link" in jeton(f"{d.directory}/link.sock", "ping").err
    os.chown(d.path(), 4711, -1)
    assert "belongs neither to root, nor to the client, nor to the server" in jeton(d.path(), "ping").err
    os.chown(d.path(), 65534, -1)
    done = subprocess.run([JETON, "-S", "admin.sock", "ping"], cwd=d.directory, capture_output=True, timeout=30 * PATIENCE)
    assert done.returncode == 0, done


def test_default_socket_is_the_highest_that_may_be_used(daemon):
    need_root()
    script = ("mount -t tmpfs none /run && mkdir /run/jeton && cd /run/jeton && "
              "for s in admin observe verify; do [ -e $D/$s.sock ] || continue; touch $s.sock; mount --bind $D/$s.sock $s.sock; done && exec setpriv --reuid 65534 --clear-groups \"$@\"")
    d = daemon("admin.mode=0600", "observe.mode=0666", "verify.mode=0666")
    os.chmod(os.path.dirname(d.directory), 0o755)
    os.chmod(d.directory, 0o755)
    env = {key: value for key, value in setting("").items() if key != "JETON_SOCKET"}

    def call(*arguments):
        return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", JETON, *arguments],
                              env=env | {"D": d.directory}, capture_output=True, text=True,
                              input="nonsense")
    if "mount" in (first := call("hello")).stderr:
        pytest.skip(first.stderr.strip())
    assert "role\tobserve" in first.stdout, first
    assert call("list").returncode == 0
    done = call("create")
    assert (done.returncode, "admin.sock" in done.stderr) == (3, True), done
    os.chmod(d.path("observe"), 0o600)
    assert (call("verify").returncode, call("revoke", "--value").returncode) == (1, 1)
    done = call("list")
    assert (done.returncode, "observe.sock" in done.stderr) == (3, True), done
    os.unlink(d.path("observe"))
    done = call("list")
    assert (done.returncode, "jetond-observe.socket" in done.stderr, "group" in done.stderr) == (
        3, True, False), "who needs only the observe socket is not sent to the administrators"


def test_nobody_is_advised_to_join_the_group_of_root(daemon):
    need_root()
    d = daemon("admin.mode=0660")
    os.chmod(os.path.dirname(d.directory), 0o755)
    os.chmod(d.directory, 0o755)

    def advice(group):
        os.chown(d.path(), 0, group)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", JETON, "-S", d.path(), "list"],
                              capture_output=True, text=True, timeout=30 * PATIENCE)
        assert done.returncode == 3, done
        return done.stderr
    assert "Only root may use it" in advice(0)
    assert "members of group daemon" in advice(1)


# -- completion ----------------------------------------------------------------------------------

def test_completion_knows_verbs_keys_and_identifiers():
    script = (f"source {ROOT}/plugin/cli/jeton.bash; COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'; "
              'COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=("$JETON"); _jeton; '
              'printf "%s\\n" "${COMPREPLY[@]}"')

    def offered(line, path):
        done = in_time(lambda: subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True,
                                              env=setting(path, JETON=JETON)), most=1.9)
        assert done.stderr == "", line
        return [word.rstrip(" ") for word in done.stdout.splitlines()]
    with Daemon() as d:
        path = d.path()
        idents = sorted(d.create()["id"] for _ in range(20))
        d.done(f"disable {idents[0]}")
        assert offered("jeton cr", path) == ["create"]
        assert {"create", "watch", "help"} <= set(offered("jeton ", path))
        assert (set(offered("jeton --json create ", path)) ==
                {"description=", "subject=", "scopes=", "ttl=", "expires=", "delay=", "activates=", "group=", "confirm=",
                 "wait="})
        assert "scopes=" not in offered("jeton create scopes=a ", path)
        assert not {"token=", "VALUE"} & set(offered("jeton verify ", path))
        assert offered("jeton list state=re", path) == ["revoked"]
        assert sorted(set(offered("jeton show ", path)) - {"", "fields="}) == idents
        assert offered(f"jeton revoke {idents[3][:8]}", path) == [idents[3]]
        assert [word for word in offered("jeton enable ", path) if "=" not in word] == [idents[0]]
        assert idents[0] in offered(f"jeton -S {path} enable ", "/nowhere")
        assert not [word for word in offered("jeton enable ", "/nowhere") if "=" not in word]
        assert offered("jeton help ro", path) == ["rotate"]
        assert "--keep-going" in offered("jeton import --", path)
    evil = Impostor(lambda _: b"* id=`touch${IFS}x` state=$(touch${IFS}y)\nOK\n")
    assert set(offered("jeton show ", evil.path)) <= {"", "fields="}


# -- hostile servers -----------------------------------------------------------------------------

PIECES = (
    b"* |*|OK|NO unknown|ERR store|ERR| id=| scopes=|,|,,a,| ok=1| reason=x| serial=|-1| value=00|"
    b"18446744073709551615|18446744073709551616| value=9007199254740993| created=9999|"
    b" created=2026-01-01T00:00:00Z| description=\"\\x1b[2J\\x00\\xff\\xc3\"| message=\"|\"|\\|"
    b"\x1b[2J|\x00|\xff|\xc2\x9b|=| a=b| a=c| state=active| token=jtn_x|import digest=0| next=5|"
    b" name=journal_newest| name=\"|\r| time=x| count=3").split(b"|") + [
    "日本é\u0301\u202e".encode(), b" " + b"k" * 40 + b"=v", b"x" * 9000]


@pytest.mark.timeout(120)
def test_no_reply_however_wrong_does_harm():
    random.seed(os.environ.get("SEED", 5))
    verbs = (["list"], ["show", "0" * 20], ["show", "abcdef"], ["create"], ["verify"], ["journal"],
             ["stats"], ["export"], ["hello"], ["watch", "after=0"], ["watch"], ["import"],
             ["revoke", "--value"])

    def reply(_):
        lines = [b"".join(random.choices(PIECES, k=random.randint(1, 12)))
                 for _ in range(random.randint(1, 6))]
        if random.random() < 0.7:
            lines = [b"* " + line for line in lines]
        if random.random() < 0.7:
            lines.append(random.choice([b"OK", b"OK id=1", b"NO unknown message=x", b"ERR store"]))
        return None if random.random() < 0.1 else b"\n".join(lines) + b"\n"
    server = Impostor(reply, once=True)
    for _ in range(scaled(300, 60)):
        for form in [], ["--json"]:
            arguments = [*form, *random.choice(verbs)]
            try:
                done = jeton(server.path, *arguments, input="digest=1\ndigest=2\n",
                             within=0.3 if "watch" in arguments else 20)
            except subprocess.TimeoutExpired:
                assert ("watch" in arguments), "only a watch goes on"
                continue
            assert done.status in (0, 1, 2, 3), done
            assert not HARMFUL.search(re.sub(r"[\n\t\u202a-\u202e]", "", done.out)), done
            assert not HARMFUL.search(done.err.replace("\n", "")), done
            if form and done.status <= 1 and "watch" not in arguments:
                json.loads(done.out)
            if form and "watch" in arguments:
                list(map(json.loads, done.out.splitlines()))
