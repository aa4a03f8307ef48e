# SPDX-License-Identifier: Apache-2.0
"""Tests that are programs: cmocka's, one for each of their test functions; the fuzz harnesses over
their corpora; and checks of the sources.  A comment `/* pytest: campaign slow */` in a source is a list
of markers for its tests."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from settings import BUILD, ROOT

TESTS = pathlib.Path(ROOT, "tests")
MARKERS = re.compile(r"^/\* pytest: ([a-z ]+) \*/$", re.M)
# Of the unit tests, see unit/run_one.c.
SELECT = "JETON_UNIT_TEST"
LIST = "list"


def pytest_collect_file(file_path, parent):
    if TESTS not in file_path.parents:
        return None
    kind, *_ = file_path.relative_to(TESTS).parts
    if kind == "unit" and file_path.match("test_*.c"):
        return UnitTests.from_parent(parent, path=file_path)
    if kind == "fuzz" and file_path.match("fuzz_*.c"):
        return Harness.from_parent(parent, path=file_path)
    if kind == "checks":
        return Check.from_parent(parent, path=file_path)
    return None


class Failed(Exception):
    """What a program printed is in the captured output."""


class Program(pytest.Item):
    """Passes if the program exits with 0."""

    def __init__(self, *, arguments, environment=(), **more):
        super().__init__(**more)
        self.arguments = list(map(str, arguments))
        self.environment = {name: str(value) for name, value in dict(environment).items()}

    def runtest(self):
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            try:
                status = subprocess.run(self.arguments, cwd=ROOT, env=os.environ | self.environment,
                                        stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=subprocess.STDOUT).returncode
            finally:
                output.seek(0)
                printed = output.read()
                print(printed, end="")
        self.judge(status, printed)

    def judge(self, status, printed):
        if status != 0:
            raise Failed(f"exit status {status}")

    def repr_failure(self, excinfo):
        if excinfo.errisinstance((Failed, pytest.fail.Exception)):      # which is what a missed deadline raises
            given = " ".join(f"{name}={value}" for name, value in self.environment.items())
            return f"{excinfo.value}: {given} {' '.join(self.arguments)}"
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, self.name


class UnitTest(Program):
    """One test function."""

    def judge(self, status, printed):
        super().judge(status, printed)
        if "[  SKIPPED ]" in printed:
            pytest.skip(f"{self.path.name}, {self.name}: {reason(printed)}")
        if "[       OK ]" not in printed:
            raise Failed("it was not run")


def reason(printed):
    """Return the lines that are not cmocka's own."""
    own = re.compile(r"\[.{10}\]|\s*\d+ SKIPPED TEST")
    return " ".join(line for line in printed.splitlines() if not own.match(line)).strip() or "skip()"


class UnitTests(pytest.File):
    def collect(self):
        program = built(self.path.relative_to(ROOT).with_suffix(""))
        marks = markers(self.path)
        seen = {}
        for number, name in enumerate(names(program)):
            seen[name] = seen.get(name, 0) + 1
            again = f"[{seen[name]}]" if seen[name] > 1 else ""
            item = UnitTest.from_parent(self, name=name + again, arguments=[program],
                                        environment={SELECT: number})
            for mark in marks:
                item.add_marker(mark)
            yield item


def built(path):
    program = pathlib.Path(BUILD, path)
    if not os.access(program, os.X_OK):
        raise pytest.Collector.CollectError(f"{program} is not built: run `make test`")
    return program


def names(program):
    """Return the names of its test functions, in the order of their numbers."""
    done = subprocess.run([program], cwd=ROOT, env=os.environ | {SELECT: LIST}, capture_output=True,
                          text=True, timeout=60)
    if done.returncode != 0:
        raise pytest.Collector.CollectError(f"{program}: exit status {done.returncode}: {done.stderr}")
    return done.stdout.split()


def markers(source):
    found = MARKERS.search(source.read_text())
    return found[1].split() if found else []


class Harness(pytest.File):
    def collect(self):
        name = self.path.stem.removeprefix("fuzz_")
        yield Program.from_parent(self, name="corpus", arguments=[
            built(f"tests/fuzz/{name}"), f"tests/fuzz/corpus/{name}"])


class SourceCheck(Program):
    """A check of the sources; a line with [  SKIPPED ] says why it could not be made."""

    def judge(self, status, printed):
        super().judge(status, printed)
        skipped = re.search(r"^\[  SKIPPED \] (.*)", printed, re.M)
        if skipped:
            pytest.skip(skipped[1])


class Check(pytest.File):
    def collect(self):
        yield SourceCheck.from_parent(self, name="check", arguments=[self.path])
