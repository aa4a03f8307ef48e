# SPDX-License-Identifier: Apache-2.0
"""The page's modules read and write the protocol as proto/ does: the same vectors, and random lines each way."""
import glob
import json
import os
import random
import re
import subprocess

import pytest

from askers import need_programs
from preload import compiled
from settings import ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = f"{ROOT}/plugin/web/page"
COUNT = 1500
COMPILE = """
for (const path of process.argv.slice(1))
    new vm.SourceTextModule(fs.readFileSync(path, "utf-8"), { identifier: path });
"""


@pytest.fixture
def vectors():
    """The program that says what proto/ makes of a vector."""
    need_programs("node", "cc")
    return compiled("vectors", "-O0", f"-I{ROOT}", f"{ROOT}/tests/vectors/vectors.c", *sorted(glob.glob(f"{ROOT}/proto/*.c")), "-lsodium")


def node(*arguments, text=""):
    return subprocess.run(["node", f"{HERE}/vectors.mjs", *map(str, arguments)], input=text, capture_output=True,
                          text=True, check=False)


def checked(text):
    done = node("check", text=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_page_reads_and_writes_the_vectors_as_the_daemon_does():
    need_programs("node")
    with open(f"{ROOT}/tests/vectors/lines.txt") as file:
        counts = checked(file.read())
    assert set(counts) == {"read", "write", "time", "duration", "value", "digest"} and min(counts.values()) >= 3


def test_page_reads_random_lines_and_digests_values_as_the_daemon_does(vectors):
    seed = random.randrange(2**32)
    text = subprocess.run([vectors, "random", str(seed), str(COUNT)], capture_output=True, text=True, check=True).stdout
    print(f"seed {seed}")
    counts = checked(text)
    assert counts["read"] == COUNT and counts["write"] > COUNT / 2 and counts["digest"] == 302


def test_daemon_reads_random_requests_of_the_page(vectors):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    made = node("requests", seed, COUNT)
    assert made.returncode == 0, made.stderr
    assert made.stdout.count("request: ") == COUNT
    meant = subprocess.run([vectors], input=made.stdout, capture_output=True, text=True, check=True).stdout
    assert meant == made.stdout


def test_a_vector_that_is_wrong_is_found():
    need_programs("node")
    assert node("check", text="read: OK id=1\nis: OK id=2\n").returncode != 0
    assert node("check", text='read: * a="\\q"\nis: data a=q\n').returncode != 0


def test_modules_are_what_a_browser_accepts():
    """Every module compiles, and loads only what lies beside it."""
    need_programs("node")
    modules = sorted(glob.glob(f"{PAGE}/*.js"))
    assert len(modules) >= 8
    done = subprocess.run(["node", "--experimental-vm-modules", "-e", COMPILE, *modules], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    for module in modules:
        with open(module) as file:
            text = file.read()
        for named in re.findall(r"(?:\bfrom\s+|(?<![\"'])\bimport\s*\(?\s*)[\"']([^\"']*)", text):
            assert re.fullmatch(r"\./\w+\.js", named) and os.path.exists(f"{PAGE}/{named}"), (module, named)
