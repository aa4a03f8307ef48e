# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells on a terminal, and what the command offers them."""
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from daemon import Daemon
from jeton_command import JETON, Impostor, Terminal, jeton, setting
from settings import BUILD, PATIENCE, ROOT
from waiting import in_time

# Seconds: somewhat less than after what the command offers no more identifiers.
GIVES_UP = 1.9

# How each shell begins, and how it loads our completion.
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], f"PS1='READY '; source {ROOT}/plugin/cli/jeton.bash"),
    "zsh": (["-f", "-i"], f"PS1='READY '; unsetopt PROMPT_SP; fpath=($ZFUNCTIONS $fpath); autoload -U compinit; compinit -u -D"),
    "fish": (["--no-config", "-i"], f"source {ROOT}/plugin/cli/jeton.fish; function fish_prompt; echo 'READY '; end; "
             "set -g fish_autosuggestion_enabled 0"),
}


class Shell:
    """A shell with our completion, whose terminal is ours."""

    def __init__(self, name, path):
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not installed")
        directory = tempfile.mkdtemp()
        shutil.copy(f"{ROOT}/plugin/cli/jeton.zsh", f"{directory}/_jeton")
        arguments, setup = SHELLS[name]
        self.terminal = Terminal(path, *arguments, program=program, columns=100, lines=50, HOME=directory, ZFUNCTIONS=directory,
                                 ZDOTDIR=directory, XDG_CONFIG_HOME=directory, XDG_DATA_HOME=directory, HISTFILE="/dev/null",
                                 PATH=f"{os.path.dirname(JETON)}:{os.environ['PATH']}")
        self.terminal.type(setup.replace("READY", "REA''DY") + "; echo SET''UP\n").expect("SETUP").expect("READY")
        self.count = 0

    def text(self):
        """What was written, without what moves the cursor or colours."""
        text = re.sub(rb"\x1b\[[0-9;?=>]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x08\r\x0f]", b"",
                      self.terminal.seen)
        return text.decode(errors="replace")

    def complete(self, line):
        """Type the line and a tab, and return what then stands there."""
        return in_time(lambda: self.complete_once(line), GIVES_UP)

    def complete_once(self, line):
        self.count += 1
        self.terminal.type(f"{line}\t")
        self.terminal.type(f"\x01echo GOT{self.count}: \x05 :END\n")
        found = lambda: re.findall(rf"^GOT{self.count}: (.*?) *:END", self.text(), re.M)
        deadline = time.monotonic() + 30 * PATIENCE
        while not found():
            assert self.terminal.read(deadline), self.text()
        return found()[-1]

    def shows(self, line, wanted, tabs=2):
        """Type the line and tabs, and wait for a text in the list; type them anew where nothing comes."""
        self.terminal.type(line + "\t" * tabs)
        deadline = time.monotonic() + 30 * PATIENCE
        while not all(text in self.text() for text in wanted):
            if not select.select([self.terminal.fd], [], [], 3 * GIVES_UP)[0]:
                self.terminal.type("\x15" + line + "\t" * tabs)
            assert self.terminal.read(deadline), self.text()
        self.terminal.signal(signal.SIGKILL)
        return True


@pytest.mark.parametrize("name", SHELLS)
def test_shell_completes_what_is_typed_and_describes_what_there_is(daemon, name):
    d = daemon()
    token = d.create(description="deploy the shop", subject="ann")
    other = d.create(description="evil `touch x` $(touch y) %F{red}\x1b[31m")
    d.done(f"disable {other['id']}")
    shell = Shell(name, d.path())
    assert shell.complete("jeton disa") == "jeton disable"
    assert shell.complete("jeton create descr") == "jeton create description="
    assert shell.complete("jeton list state=rev") == "jeton list state=revoked"
    assert shell.complete("jeton list --state rev") == "jeton list --state revoked"
    assert shell.complete("jeton create --descr") == "jeton create --description="
    assert shell.complete("jeton list --never-u") == "jeton list --never-used"
    assert shell.complete("jeton revoke --unused-for=9") == "jeton revoke --unused-for=90d"
    assert shell.complete("jeton journal event=revoke,exp") == "jeton journal event=revoke,expiring"
    assert shell.complete("jeton journal --event revoke,exp") == "jeton journal --event revoke,expiring"
    assert shell.complete("jeton delete unused") == "jeton delete unused_for="
    assert shell.complete("jeton list --js") == "jeton list --json"
    assert shell.complete("jeton fleet jo") == "jeton fleet join"
    assert shell.complete("jeton fleet join other --iss") == "jeton fleet join other --issuer"
    assert shell.complete("jeton fleet leave other --data") == "jeton fleet leave other --database="
    assert shell.complete(f"jeton fleet --config {ROOT}/plugin/cli/jeton.ba") == f"jeton fleet --config {ROOT}/plugin/cli/jeton.bash"
    assert shell.complete(f"jeton show {token['id'][:12]}") == f"jeton show {token['id']}"
    assert shell.complete(f"jeton enable {other['id'][:3]}") == f"jeton enable {other['id']}"
    assert shell.complete(f"jeton enable {token['id'][:12]}") == f"jeton enable {token['id'][:12]}", "it is not disabled"
    assert shell.complete(f"jeton -S {ROOT}/plugin/cli/jeton.ba") == f"jeton -S {ROOT}/plugin/cli/jeton.bash"
    assert shell.shows("jeton show ", tabs=2 + (name == "bash"), wanted=[token["id"], "deploy the shop", r"evil `touch x` $(touch y)"])
    assert Shell(name, d.path()).shows("jeton create ", ["what the token is for", "how long the token is accepted"])
    assert not {"x", "y"} & set(os.listdir()), "nothing was run"


def offered(path, *words, **more):
    return in_time(lambda: offered_once(path, *words, **more), GIVES_UP)


def offered_once(path, *words, **more):
    done = subprocess.run([JETON, "--complete"], input="".join(word + "\0" for word in words), capture_output=True,
                          text=True, env=setting(path, **more), timeout=30 * PATIENCE)
    assert done.returncode == (0 if words else 2)
    return dict(line.partition("\t")[::2] for line in done.stdout.splitlines())


def offered_ids(*arguments):
    return {word: text for word, text in offered(*arguments).items() if not word.endswith("=")}


def test_candidates_come_from_the_tables_of_the_command():
    with Daemon() as d:
        ids = [d.create(subject="ann")["id"] for _ in range(3)]
        d.done(f"disable {ids[0]}")
        path = d.path()
        helps = {row[0]: row[2] for row in jeton(path, "--plain", "help").rows}
        assert offered(path, "") == helps == offered(path, "help", "") == offered(path, "--json", "")
        for verb in helps:
            keys = {key for key in offered(path, verb, "") if key.endswith("=")}
            usage = jeton(path, "--plain", "help", verb).rows[0][1]
            assert {f"{key}=" for key in re.findall(r"\b([a-z_]+)=", usage)} - {"id="} <= keys, verb
            assert "token=" not in keys, "a value is never an argument"
            assert all(offered(path, verb, "").values()) or verb == "backup", "each is described"
        options = {f"--{name}" for name in re.findall(r"--([a-z-]+)", jeton("", "--help").out)} - {"--description"}
        assert offered(path, "-").keys() == options
        for verb in "create", "list", "revoke", "disable", "enable", "delete", "update", "export", "journal", "rotate", "import":
            keys = {f"--{key.replace('_', '-')}" for key in offered(path, verb, "") if key.endswith("=")}
            dashed = offered(path, verb, "--")
            assert keys <= set(dashed) | {f"{name}=" for name in dashed}, verb
            assert keys - set(dashed) <= {"--never-used="} and dashed.keys() - keys <= options | {"--never-used"}, verb
        assert set(offered(path, "update", "subject=a", "--s")) == {"--socket", "--state=", "--scope=", "--scopes="}
        assert "--state=" not in offered(path, "update", ids[1], "--") and "--ttl=" not in offered(path, "create", "--ttl", "1d", "--")
        events = list(offered(path, "journal", "event="))
        assert len(events) == 13 and {"event=create", "event=trace", "event=fleet"} <= set(events)
        d.done("journal event=" + ",".join(event[6:] for event in events))
        assert list(offered(path, "journal", "event=revoke,dis")) == ["event=revoke,disable"]
        assert list(offered(path, "journal", "--event", "revoke,delete,")) == [
            f"revoke,delete,{event[6:]}" for event in events if event not in ("event=revoke", "event=delete")]
        fields = [word[7:] for word in offered(path, "list", "fields=")]
        assert d.done(f"list fields={','.join(fields)}").lines and "by_name" not in fields
        fields = [word[7:] for word in offered(path, "show", ids[1], "fields=")]
        assert d.done(f"show {ids[1]} fields={','.join(fields)}").lines and "by_name" in fields
        assert list(offered(path, "list", "fields=id,desc")) == ["fields=id,description"]
        assert "--keep-going" in offered(path, "import", "--") and "--keep-going" not in offered(path, "list", "--")
        assert "ttl=" not in offered(path, "create", "ttl=1d", "") and "ttl=" not in offered(path, "create", "--ttl", "1d", "")
        assert list(offered(path, "list", "state=")) == [f"state={word}" for word in
                                                         ("active", "pending", "disabled", "expired", "revoked")]
        assert list(offered(path, "list", "--state", "re")) == ["revoked"]
        assert list(offered(path, "list", "--state=re")) == ["--state=revoked"]
        assert offered_ids(path, "enable", "") == {ids[0]: "ann"}
        assert set(offered_ids(path, "disable", "")) == set(ids[1:])
        for verb in "disable", "enable", "revoke", "delete", "update", "list", "export":
            assert {"state=", "unused_for=", "never_used="} <= set(offered(path, verb, "")), verb
        assert "count=" in offered(path, "revoke", "subject=ann", "") and set(offered(path, "revoke", ids[1], "")) == {"confirm=", "wait="}
        assert set(offered(path, "update", ids[1], "")) == {"description=", "subject=", "scopes=", "ttl=", "expires=", "confirm=", "wait="}
        assert ids[0] not in offered(path, "show", ids[1], ""), "there is only one"
        assert list(offered(path, "show", "id=" + ids[1][:8])) == ["id=" + ids[1]]
        assert list(offered_ids("/nowhere", "-S", path, "enable", "")) == [ids[0]]
        assert offered(path, "-S", "") == offered(path, "--socket=") == {"<files>": ""}
        assert offered(path, "backup", "") == offered(path, "backup", "/var/b") == {"<files>": ""} != offered(path, "backup", "a", "")
        formats = ["csv", "github", "gitlab", "htpasswd"]
        assert list(offered(path, "import", "--format", "")) == formats
        assert list(offered(path, "import", "--format=")) == [f"--format={name}" for name in formats]
        assert list(offered(path, "list", "-T", "")) == ["10s", "1m", "0s"]
        for words in [], ["nonsense", ""], ["list", "nonsense="], ["-T", ""], ["list", "--nonsense", ""], ["show", "=x"], ["fleet", "--set"], ["fleet", "x", "--", "-"]:
            offered(path, *words)


def test_words_and_options_of_the_fleet_are_those_of_its_program():
    usage = subprocess.run([f"{BUILD}/jeton-fleet", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    words = re.findall(r"^  ([a-z]+) ", usage, re.M)
    options = {f"--{name}" for name in re.findall(r"--([a-z]+)", usage)}
    assert set(offered("", "fleet", "")) == {*words, "help"} and all(offered("", "fleet", "").values())
    assert {name.rstrip("=") for name in offered("", "fleet", "--")} == options and all(offered("", "fleet", "-").values())
    always = {"--config", "--set=", "--version", "--help"}
    fitting = {"status": {"--json"}, "hosts": {"--json", "--database="}, "init": {"--database=", "--migrations"},
               "join": {"--database=", "--groups=", "--issuer"}, "leave": {"--database="}, "check": set()}
    for word, its in fitting.items():
        assert set(offered("", "fleet", word, "--")) == always | its, word
        assert offered("", "fleet", word, "") == {}, "a host is named by who knows it"
    assert offered("", "fleet", "--config", "") == offered("", "fleet", "init", "--migrations", "") == {"<files>": ""}
    assert offered("", "fleet", "--database", "") == {} and "join" in offered("", "fleet", "--database", "init", "")


def test_words_that_make_no_sense_do_no_harm():
    server = Impostor(lambda _: b"OK\n")
    for text in b"", b"list", b"x" * 70000 + b"\0", b"list\0" + b"x" * 9000 + b"\0\0", b"show\0\x01\xff\0", b"\0" * 100:
        done = subprocess.run([JETON, "--complete"], input=text, capture_output=True, env=setting(server.path), timeout=30)
        assert done.returncode in (0, 2), text
        assert done.returncode == 0 or done.stdout == b""


def test_identifiers_are_bounded_in_number_time_and_text():
    rows = b"".join(b'* id=%020x state=active description="%s"\n' % (n, b"x" * 500) for n in range(1000))
    server = Impostor(lambda _: rows + b"OK count=1000\n")
    found = offered_ids(server.path, "show", "")
    assert len(found) == 1000 and server.lines == [b"list limit=1000"]
    assert max(map(len, found.values())) == 80

    class Slow(Impostor):
        def serve(self, sock):
            with sock:
                sock.recv(100)
                for n in range(100):
                    sock.sendall(b"* id=%020x state=active\n" % n)
                    time.sleep(0.2)
    began = time.monotonic()
    assert 0 < len([word for word in offered_once(Slow(None).path, "show", "") if not word.endswith("=")]) < 100
    assert time.monotonic() - began < 15
    evil = Impostor(lambda _: b"* id=`touch${IFS}x` state=$(touch${IFS}y)\n* id=" + b"0" * 20 +
                    b' description="a\\tb\\n\\x1b[2Jc\\x9b"\nOK\n')
    assert offered_ids(evil.path, "show", "") == {"0" * 20: r"a\tb\n\x1b[2Jc" + "\ufffd"}
