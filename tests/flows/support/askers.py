# SPDX-License-Identifier: Apache-2.0
"""Everything that verifies, with one way to ask it.

`ask(path, questions)` takes the verify socket's path and (value, want) pairs, where want has `scope` and `subject`; it
returns an Answer for each.  A program is sent a line for each question, of hex digits: the value, and key=text for each
key; it prints a line for each: the verdict, the identifier or -, and the subject in hex digits or -.

strict: it follows PROTOCOL.md, section 7, and calls what has other bytes than 0x21 to 0x7E malformed without asking.
by_socket: it asks what listens at the path and never uses a table."""
import collections
import ctypes
import os
import shutil
import subprocess

import pytest

from client import Client, quote
from library import Claims, library
from settings import BUILD, PATIENCE, ROOT, SANITIZER

HERE = f"{ROOT}/tests/flows/bindings"
EXAMPLES = f"{ROOT}/plugin/examples"
PYTHON = "/usr/bin/python3"
TIMEOUT = 20 * PATIENCE     # seconds, for a question that should be answered
Answer = collections.namedtuple("Answer", "verdict id subject")
# What the daemon's words for a wrong question are here.
WORDS = {"bad-value": "invalid", "too-long": "malformed"}


def need_programs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: make deps-programs")


def need_library():
    if SANITIZER:
        pytest.skip("a sanitizer's runtime must be the first in a process")


def environment(**more):
    return os.environ | {"LD_LIBRARY_PATH": BUILD, "PYTHONPATH": f"{ROOT}/plugin/python",
                         "PYTHONDONTWRITEBYTECODE": "1"} | more


class Asker:
    name, strict, by_socket = "", False, True

    def prepare(self, directory):
        """Build what is needed in this directory, or skip the test."""

    def can_ask(self, want):
        return True

    def ask(self, path, questions, timeout=TIMEOUT):
        raise NotImplementedError


class Socket(Asker):
    name = "socket"

    def ask(self, path, questions, timeout=TIMEOUT):
        lines = ["verify" + "".join(f" {key}={quote(text)}" for key, text in want.items()) + f" token={quote(value)}"
                 for value, want in questions]
        with Client(path) as client:
            return [answer_of(reply) for reply in client.pipeline(lines)]


def answer_of(reply):
    word = reply.verdict.split()[-1].lower()
    return Answer(WORDS.get(word, word), reply.final.get("id", ""), reply.final.get("subject", ""))


class Library(Asker):
    name, by_socket = "libjeton", False

    def prepare(self, directory):
        need_library()

    def can_ask(self, want):
        return not any("\0" in text for text in want.values())

    def ask(self, path, questions, timeout=TIMEOUT):
        lib, handle = library(), ctypes.c_void_p()
        assert lib.jeton_open(ctypes.byref(handle), path.encode(), None, 0) == 0
        answers = []
        for value, want in questions:
            claims = Claims(size=ctypes.sizeof(Claims))
            value, scope, subject = (None if text is None else text.encode()
                                     for text in (value, want.get("scope"), want.get("subject")))
            status = lib.jeton_verify(handle, value, len(value), scope, subject, ctypes.byref(claims))
            answers.append(Answer(lib.jeton_status_word(status).decode(), claims.id.decode(), claims.subject.decode()))
        lib.jeton_close(handle)
        return answers


class Program(Asker):
    """A program that is given the socket's path, the timeout and whether it must wait for each answer, and asks on one
    client of its own."""

    def __init__(self, name, *command, needs=(), strict=True, by_socket=True, variables=(), needs_library=False):
        self.name, self.command, self.needs = name, command, (command[0], *needs)
        self.strict, self.by_socket = strict, by_socket
        self.variables = dict(variables)
        self.needs_library = needs_library

    def prepare(self, directory):
        need_programs(*self.needs)
        if self.needs_library:
            need_library()

    def ask(self, path, questions, timeout=TIMEOUT, one_by_one=False):
        lines = "".join(" ".join([value.encode().hex() or "-", *(f"{key}={text.encode().hex()}" for key, text in want.items())])
                        + "\n" for value, want in questions)
        done = subprocess.run([*self.command, path, str(timeout), str(int(one_by_one))], input=lines, capture_output=True, text=True,
                              env=environment(**self.variables), timeout=50 * PATIENCE)
        assert done.returncode == 0, f"{self.command}: {done.returncode} {done.stdout} {done.stderr}"
        return [read_answer(line) for line in done.stdout.splitlines()]


def read_answer(line):
    word, ident, subject = line.split(" ")
    return Answer(WORDS.get(word, word), ident.replace("-", ""), bytes.fromhex(subject.replace("-", "")).decode())


class Go(Program):
    def prepare(self, directory):
        super().prepare(directory)
        os.makedirs(f"{directory}/ask/jeton")
        shutil.copy(f"{EXAMPLES}/go/jeton.go", f"{directory}/ask/jeton")
        shutil.copy(f"{HERE}/ask.go", f"{directory}/ask")
        with open(f"{directory}/ask/go.mod", "w") as file:
            file.write("module ask\n\ngo 1.19\n")
        subprocess.run(["go", "build", "-o", f"{directory}/ask/ask", "."], cwd=f"{directory}/ask", check=True,
                       env=environment(GOCACHE=f"{BUILD}/go-cache", GOFLAGS="-mod=mod", GOPROXY="off", CGO_ENABLED="0"))
        self.command = [f"{directory}/ask/ask"]


class Lua(Program):
    def __init__(self, name, command, version):
        super().__init__(name, command, f"{HERE}/ask.lua", strict=False, by_socket=False, needs_library=True,
                         variables={"LUA_CPATH": f"{BUILD}/lua/{version}/?.so"})
        self.module = f"{BUILD}/lua/{version}/jeton.so"

    def prepare(self, directory):
        super().prepare(directory)
        if not os.path.exists(self.module):
            pytest.skip("the Lua module is not built: make deps installs what it needs")

    def can_ask(self, want):
        return not any("\0" in text for text in want.values())


class Shell(Asker):
    name, strict = "shell", True

    def prepare(self, directory):
        need_programs("socat")

    def can_ask(self, want):
        return not any("\0" in text for text in want.values())

    def ask(self, path, questions, timeout=TIMEOUT):
        return [self.ask_one(path, timeout, value, want) for value, want in questions]

    def ask_one(self, path, timeout, value, want):
        done = subprocess.run([f"{EXAMPLES}/shell/jeton-verify", *(f"{key}={text}" for key, text in want.items())],
                              input=value.encode(), capture_output=True, timeout=50 * PATIENCE,
                              env=environment(JETON_SOCKET=path, JETON_TIMEOUT=str(timeout)))
        line = done.stdout.decode().rstrip("\n")
        words = line.split(" ")
        fields = dict(word.split("=", 1) for word in words if "=" in word)
        word = words[0] if words[0] == "OK" else words[1]
        assert done.returncode == {"OK": 0, "NO": 1, "ERR": 2}[words[0]], (line, done)
        return Answer(WORDS.get(word, word).lower(), fields.get("id", ""), None)


ASKERS = [
    Socket(),
    Library(),
    Program("python", PYTHON, f"{HERE}/ask.py", "library", strict=False, by_socket=False, needs_library=True),
    Program("asyncio", PYTHON, f"{HERE}/ask.py", "asyncio"),
    Lua("lua5.3", "lua5.3", "5.3"),
    Lua("lua5.4", "lua5.4", "5.4"),
    Lua("luajit", "luajit", "5.1"),
    Go("go", "go"),
    Program("node", "node", f"{HERE}/ask.js"),
    Program("php", "php", f"{HERE}/ask.php"),
    Shell(),
]
