# SPDX-License-Identifier: Apache-2.0
"""Every example of every document is run.  One that no part of this file knows how to run is a failure."""
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

from client import Client
from daemon import run_jetond
from dialogue import check_dialogue, joined, moment, translate
from documents import DOCUMENTS, Example, examples, read
from fleet_examples import run_fleet_by_hand, run_fleet_config
from gateway_examples import run_excerpt, run_gateway_by_hand, run_gateway_config
from nginx import check_example as run_nginx
from pam_stack import Application, MODULE
from preload import built
from program_calls import check_call
from python_example import run_python
from requirements import need_plain_build
from settings import BUILD, PATIENCE, ROOT
from transcript import Shell, commands
from value import check_of, id_of
from web_examples import run_web

# Names that a document takes for granted, and such as this machine has.
NAMES = {"user = jeton\n": "user = daemon\n", "group = monitoring": "group = daemon", "peer_uid=www-data": "peer_uid=daemon"}
KEYS = {"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                  "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
OVERRIDES = ["admin.group=", "observe.group=", "verify.table_group="]
# The time at which each part of PROTOCOL.md tells its story; two tokens were made before.
BEGIN = "2026-11-24T05:51:41Z"
STORY = {"verify": "2026-11-24T05:51:42Z", "create": BEGIN, "rotate": "2026-11-24T06:10:03Z"}
LATER = "2026-11-24T05:51:45Z"
FIRST = 'create description="ci deploy" subject=ci scopes=deploy,read ttl=90d'
SECOND = 'create description="next release" activates=2026-11-24T05:51:44Z'


class Place:
    """A directory with a daemon and a shell, in which one document's examples are run in their order."""

    def __init__(self, daemon, document):
        self.document = document
        self.d = daemon(config="")
        self.directory = self.d.directory
        self.shell = Shell(self.directory, self.d.path(), other=daemon().path())
        self.names = {}
        self.made = self.before = None
        self.names |= epochs(document, self.d)
        if chosen := re.search(r"^# id=([0-9a-f]{20})$", read(document), re.M):
            self.names[chosen[1]] = id_of(self.typed)
        for path in "etc/ci", "etc/jeton", "verifiers":
            os.makedirs(f"{self.directory}/{path}")
        for name, content in (("idp.jwks", json.dumps(KEYS)), ("introspect.secret", "secret\n")):
            with open(f"{self.directory}/etc/jeton/{name}", "w") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o600)

    @property
    def typed(self):
        """The value of a good token: the one that the document made last, or one of our own."""
        shown = [ours for name, ours in self.names.items() if name.startswith("jtn_")]
        for value in (*reversed(shown), self.made):
            if value and self.d.verify(value) == "OK":
                return value
        self.made = self.d.create(subject="ann", scopes="deploy")["token"]
        return self.made

    def stop(self):
        assert self.typed               # a token that must outlive it
        self.before = len(self.d.list())
        self.d.stop()

    def start(self):
        """At the end of an example, all tokens are there."""
        if self.d.process is None:
            self.d.start()
        if self.before is not None:
            assert len(self.d.list()) == self.before, "tokens are missing"
        self.before = None

    def here(self, text):
        """Write the paths of an installed system as those of this place."""
        for path, other in (("/run/jeton/", "/"), (r"/var/lib/jeton\b", ""), ("/etc/", "/etc/"),
                            ("/usr/lib/jeton/verifiers", "/verifiers")):
            text = re.sub(rf"(?<![\w.]){path}", f"{self.directory}{other}", text)
        return text.replace("@SBINDIR@/", "").replace("@DOCDIR@", "/usr/share/doc/jeton")


def epochs(document, d):
    """Return the name of the store's history, where there is such a thing, for those that a document shows."""
    ours = d.done("hello").final.get("epoch")
    return {shown: ours for shown in re.findall(r"\b[0-9a-f]{16}\b", read(document)) if ours}


# -- kinds of examples ---------------------------------------------------------------------------

def run_config(place, text):
    for name, ours in NAMES.items():
        text = text.replace(name, ours)
    path = f"{place.directory}/example.conf"
    directory = f"{place.directory}/verifiers"
    for module in glob.glob(f"{BUILD}/verifiers/*.so"):
        shutil.copy(module, directory)
    with open(path, "w") as file:
        file.write(place.here(text))
    settings = [f"daemon.store={place.d.store}", f"daemon.verifiers={directory}", *OVERRIDES]
    settings += [f"{role}.path={place.directory}/example-{role}.sock" for role in ("admin", "verify")]
    done = run_jetond("--config", path, "--check", *(word for one in settings for word in ("--set", one)))
    assert done.returncode == 0 and "configuration: OK" in done.stdout, done


def run_c(place, text):
    header = re.search(r"^struct (jeton_\w+) \{.*?^\};", text, re.M | re.S)
    if header and text.startswith("struct jeton_"):
        sources = read("plugin/lib/jeton.h") + read("daemon/verifiers/verifier.h")
        assert plain_c(header[0]) in plain_c(sources), f"struct {header[1]} is declared otherwise"
        return
    need_plain_build()
    include = f"{place.directory}/include/jeton"
    os.makedirs(include, exist_ok=True)
    shutil.copy("daemon/verifiers/verifier.h", include)
    flags = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", f"-I{ROOT}/plugin/lib",
             f"-I{place.directory}/include"]
    name = re.search(r'"(\w+)", \w+_open', text)
    path = f"{place.directory}/{name[1] if name else 'program'}.c"
    if "main(" not in text and not name:            # a part of a function
        text = ("#include <jeton.h>\n#include <string.h>\nvoid refuse(void);\nvoid part(const char *value);\n"
                "void part(const char *value)\n{\n" + text.replace("...\n", "(void)error;\n") + "}\n")
    with open(path, "w") as file:
        file.write(text)
    if "main(" not in text:
        subprocess.run(["cc", *flags, "-fPIC", "-c", path, "-o", "/dev/null"], check=True)
        return
    program = path[:-2]
    subprocess.run(["cc", *flags, path, f"-L{BUILD}", "-ljeton", f"-Wl,-rpath,{BUILD}", "-o", program], check=True)
    done = subprocess.run([program, place.d.path("verify"), "deploy"], input=place.typed + "\n", text=True,
                          capture_output=True, timeout=20 * PATIENCE)
    assert done.returncode == 0 and f"{id_of(place.typed)} speaks for ann" in done.stdout, done


def plain_c(text):
    return " ".join(re.sub(r"/\*.*?\*/", "", text, flags=re.S).split())


def run_pam(place, text):
    """Check each line of a PAM service; what consists of ours alone is run as well."""
    options = re.findall(r'^    \{ "(\w+)", \.', read("plugin/pam/options.c"), re.M)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        match = re.fullmatch(r"(auth|account)\s+(\w+|\[[\w= ]+\])\s+pam_(jeton|unix)\.so\s*(.*)", line)
        assert match, line
        if match[3] != "jeton":
            continue
        given = dict(option.partition("=")[::2] for option in match[4].split())
        assert set(given) <= set(options), line
        assert match[1] != "auth" or given.get("scope"), f"an example without scope=: {line}"
    if "pam_unix" in text:
        return
    scope = re.search(r"scope=(\w+)", text)[1]
    value = place.d.create(subject="bob", scopes=scope)["token"]
    service = "\n".join(line.replace("pam_jeton.so", f"{MODULE} socket={place.d.path('verify')}") for line in lines)
    with Application(login=service + "\n") as pam:
        for token, code in ((value, "SUCCESS"), (place.typed, "AUTH_ERR")):
            pam.start("login", "bob", token)
            assert pam.authenticate() == code
            if code == "SUCCESS":
                assert pam.account() == "SUCCESS"
            pam.end()


def run_socat(place, text):
    first, *lines = joined(text.splitlines())
    role = re.fullmatch(r"\$ socat - UNIX-CONNECT:/run/jeton/(admin|observe|verify)\.sock", first)
    assert role, first
    with Client(place.d.path(role[1])) as client:
        check_dialogue(client, lines, place.names, lambda line: line if re.match(r"OK|NO |ERR |\* ", line) else None)


def run_shell(place, text):
    if re.search(r"\b(tdbtool|mv tokens\.tdb)\b", text) and place.d.process is not None:
        place.stop()                    # nobody touches the store of a running daemon
    for command, shown in commands(text):
        command = translate(place.here(command), place.names)
        run_command(place, command, [line for line in shown if line.strip()])


def run_command(place, command, shown):
    d, status, typed = place.d, (0,), ""
    program = command.split()[0]
    if re.match(r"systemctl (stop|restart) .*jetond", command) and d.process is not None:
        place.stop()
    if "--restore" in command:
        command += f" --set daemon.store={d.store}"
    elif program == "jetond":
        os.makedirs(f"{place.directory}/own", exist_ok=True)
        command = f"(cd own && timeout 1 {command})"
    if "watch" in command.split():
        command, status = re.sub(r"(after=(?:\w+:)?)\d+", r"\g<1>1", f"timeout 1 {command}"), (124,)
    if d.process is not None and re.search(r"verify|trace|--value|\$token", command):
        typed = place.typed
        place.shell.run(f"token={typed}")
    got, output = place.shell.run(command, typed=typed + "\n")
    if got == 124 and not ("ready:" in output if program == "jetond" else len(output.splitlines()) >= len(shown)):
        got, output = place.shell.run(command.replace("timeout 1 ", "timeout 10 "), typed=typed + "\n")     # on a busy machine
    for call in place.shell.calls():
        check_call(call)
    assert got in status or program == "jetond" and "ready:" in output, f"{command}: {got}\n{output}"
    if re.match(r"systemctl (start|restart|enable --now)", command) and d.process is None:
        d.clients = {}
        d.start()
    check_output(place, command, shown, output)


def check_output(place, command, shown, output):
    """Compare what a command prints, but for names, times and the width of columns."""
    got = [line for line in output.splitlines() if line.strip()]
    at = 0
    for line in shown:
        if line.startswith("Value (not shown)"):
            assert "Value (not shown): " in read("plugin/cli/request.c")
            continue
        if line.strip() in ("…", "..."):
            at = None
            continue
        match = None
        while at is None or match is None:
            index = 0 if at is None else at
            found = [i for i in range(index, len(got)) if matches(place, line, got[i])]
            assert found if at is None else found[:1] == [index], f"{command}: {line!r} is not in\n{output}"
            at, match = found[0] + 1, True


def matches(place, shown, got):
    names = dict(place.names)
    one, other = translate(shown, names).split(), got.split()
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        if re.fullmatch(r"jtn_\w{49}|[0-9a-f]{20}", a) and len(a) == len(b) and a not in names.values():
            names[a] = b
        elif not (a == b or re.fullmatch(r"\d{4}-\d\d-\d\d", a) and re.fullmatch(r"\d{4}-\d\d-\d\d", b)):
            return False
    place.names = names
    return True


# -- which kind an example is --------------------------------------------------------------------

def run_nothing(place, text):
    """A grammar or a figure, which nobody types."""


def run_folders(place, text):
    for line in text.splitlines():
        assert os.path.isdir(line.split()[0]), line


SHELL = re.compile(r"[$#] \S|(jeton|systemctl|systemd-sysusers|apt|adduser|make|if) ")
KINDS = [
    (re.compile(r"\[(WebService|Socket)\]"), run_nothing),         # Cockpit's: web/test_cockpit.py
    (re.compile(r"\[fleet\]\n(\w+ = .*\n)*database ="), run_fleet_config),
    (re.compile(r"\[(gateway|site [^\]]+)\]"), run_gateway_config),
    (re.compile(r"\[(daemon|admin|observe|verify|self|policy|service [^\]]+)\]"), run_config),
    (re.compile(r"import jeton"), run_python),
    (re.compile(r"#include|struct \w+ (\{|\*)"), run_c),
    (re.compile(r"(# /etc/pam\.d/\w+\n)?(auth|account)\s"), run_pam),
    (re.compile(r"\$ socat "), run_socat),
    (re.compile(r"location [^{]*\{\n +jeton |load_module "), run_nginx),
    (re.compile(r"r=\$PWD/build/run\n"), run_gateway_by_hand),
    (re.compile(r"http://127\.0\.0\.1:\d+/#|ssh -L |jeton web --"), run_web),
    (re.compile(r"([$#] )?jeton (fleet|create group=|revoke \w+ confirm=|list group=)"), run_fleet_by_hand),
    (re.compile(r"(# pg_hba\.conf\n)?hostssl |fleet +/|synchronous_standby_names|restore_command"), run_nothing),   # fleet/test_running_a_fleet.py
    (SHELL, run_shell),
    (re.compile(r"(request|reply|id) +=| *bytes ─▶"), run_nothing),
    (re.compile(r"upstream |location |forward_auth |http-request "), run_excerpt),
    (re.compile(r"\w+/ +\w"), run_folders),
]


def parts(example):
    """Return (kind, text) of each part of an example: they are separated by empty lines."""
    found = []
    for text in re.split(r"\n\n+(?!\s)", example.text.strip("\n")):
        kind = next((run for pattern, run in KINDS if pattern.match(text)), None)
        if found and (kind is None or kind is found[-1][0]):
            found[-1][1] += "\n\n" + text
        else:
            found.append([kind, text])
    return found


def is_dialogue(example):
    return any(line.startswith("< ") for line in example.lines)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_example_does_what_the_document_shows(daemon, document):
    found = [example for example in examples(document) if not is_dialogue(example)]
    if not found:
        return
    place = Place(daemon, document)
    try:
        for example in found:
            for kind, text in parts(example):
                assert kind is not None, f"no way to run this example is known:\n{example}"
                try:
                    kind(place, text + "\n")
                except Exception as problem:
                    raise AssertionError(f"{example.name}: {problem}\n\n{text}") from problem
            place.start()
    finally:
        place.shell.close()
    if place.d.process is None:
        place.d.start()


def test_example_that_nobody_knows_how_to_run_is_a_failure():
    assert parts(Example("a page", 1, "what is this?\n")) == [[None, "what is this?"]]
    assert parts(Example("a page", 1, "$ jeton list\n")) == [[run_shell, "$ jeton list"]]


def test_example_that_shows_something_else_is_a_failure(daemon):
    place = Place(daemon, "README.md")
    wrong = [(run_shell, "$ jeton nonsense\n"), (run_shell, "$ jeton create subject=x\nsubject y\n"),
             (run_shell, "$ unheard-of\n"), (run_shell, "# systemctl restart other.service\n"),
             (run_config, "[daemon]\nworker = 1\n"), (run_pam, "auth required pam_jeton.so\n"),
             (run_c, "struct jeton_check {\n    int other;\n};\n"),
             (run_socat, "$ socat - UNIX-CONNECT:/run/jeton/admin.sock\nping\nOK count=1\n"),
             (run_socat, "$ socat - UNIX-CONNECT:/run/jeton/admin.sock\nhello\nOK protocol=2 ...\n")]
    try:
        for kind, text in wrong:
            with pytest.raises(AssertionError):
                kind(place, text)
    finally:
        place.shell.close()
    if place.d.process is None:
        place.d.start()


# -- dialogues -----------------------------------------------------------------------------------

class Clock:
    """The time of day of a daemon."""

    def __init__(self, path):
        self.path = path
        with open(self.path, "wb") as file:
            file.write(bytes(8))
        self.set(BEGIN)

    def set(self, text):
        """Write in place: the daemon has the file mapped."""
        with open(self.path, "r+b") as file:
            file.write(struct.pack("q", int(moment(text).timestamp() - time.time())))


def heading(document, line):
    return [text[4:] for text in read(document).splitlines()[:line] if text.startswith("### ")][-1]


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if any(map(is_dialogue, examples(name)))])
def test_every_dialogue_goes_as_the_document_shows(daemon, tmp_path, document):
    library = built("clock")
    for example in filter(is_dialogue, examples(document)):
        clock = Clock(f"{tmp_path}/{example.line}")
        d = daemon(extra={"LD_PRELOAD": library, "JETON_CLOCK": clock.path})
        names, part = epochs(document, d), heading(document, example.line)
        first = "jtn_oWrFtCIkp0HnrwbYAsCZCAjGcvXwQdodKg7aEmxdc1h1oA8L0"
        second = "jtn_S6eifzj82DBRAdHXsiMzJZJlohc4y0XZ6vfivHAEsnm0PVsnL"
        if part != "create":
            stories = [(first, FIRST)] + ([(second, SECOND)] if "export" not in part else [])
            for value, request in stories:
                reply = d.done(request)
                names |= {value: reply["token"], id_of(value): reply["id"]}
        if "journal" in part:
            d.done(f"revoke {names[id_of(first)]}")
        clock.set(STORY.get(part, LATER))
        with d.client() as client:
            try:
                check_dialogue(client, joined(example.lines), names,
                               lambda line: line[2:] if line.startswith("< ") else None, clock)
            except Exception as problem:
                raise AssertionError(f"{example.name}: {problem}\n\n{example.text}") from problem


@pytest.mark.parametrize("document", DOCUMENTS)
def test_values_and_identifiers_of_examples_belong_together(document):
    text = read(document)
    values = set(re.findall(r"\bjtn_[0-9A-Za-z]{49}\b", text))
    for value in values:
        assert check_of(value[:-6]) == value[-6:], f"{value} has a wrong checksum"
    for value in re.findall(r"^(?:id|verify) (jtn_\w{49})\n(?:<? ?OK) id=(\w+)", text, re.M):
        assert id_of(value[0]) == value[1], value
