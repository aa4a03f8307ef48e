# SPDX-License-Identifier: Apache-2.0
"""What all sections of the benchmark have in common: turns, ratios, stores and the report."""
import os
import random
import shutil
import statistics
import subprocess
import tempfile

from report import Report
from servers import BENCH, BUILD, Missing, numbers

FULL = os.environ.get("BENCH_FULL", "") not in ("", "0")
ROUNDS, SECONDS = (15, 1.0) if FULL else (9, 0.2)
# The speed of a machine that others share wanders within a second, by a third: servers take turns of a slice.
SLICES, SLICE = (400, 0.02) if FULL else (100, 0.02)
STARTS = 16 if FULL else 8
STORES = os.path.join(BUILD, "bench")
MILLION = 1000000
report = Report()
# Of turns: the same in every run.
order = random.Random(1)


def store(tokens, copy=None):
    """A store with so many tokens: made once, or a copy of it that may be changed."""
    path = f"{STORES}/tokens-{tokens}.tdb"
    os.makedirs(STORES, exist_ok=True)
    if not os.path.exists(path):
        report.note(f"(making {path}, once)")
        subprocess.run([f"{BENCH}/fill", f"{path}.part", str(tokens)], check=True)
        os.rename(f"{path}.part", path)
    if copy is None:
        return path
    shutil.copyfile(path, f"{copy}/tokens.tdb")
    subprocess.run(["sync", f"{copy}/tokens.tdb"], check=True)
    return f"{copy}/tokens.tdb"


def figures(*command):
    """The last line of a program's output, name=value."""
    said = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True).stdout
    return numbers(said.splitlines()[-1])


def alternate(contestants, rounds=ROUNDS):
    """Lets each measure in turn; name -> list of what it measured.  The first turns warm up.  Each round has an
    order of its own: nobody mostly comes behind the same one and what that leaves undone."""
    measured = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name in order.sample(list(contestants), len(contestants)):
            figure = contestants[name]()
            if number > 0:
                measured[name].append(figure)
    return measured


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def ratios(ours, theirs, value):
    """Of each round."""
    return [value(a) / value(b) for a, b in zip(ours, theirs)]


def present(stack, makers):
    """Those servers whose programs are there."""
    found = []
    for make in makers:
        try:
            found.append(stack.enter_context(make()))
        except Missing as missing:
            report.note(f"missing, left out: {missing}; make deps-bench installs it")
    return found


def count(rate):
    return f"{rate:,.0f}/s"


class Scratch:
    """A directory on the disk where the build is."""

    def __init__(self):
        os.makedirs(STORES, exist_ok=True)
        self.path = tempfile.mkdtemp(prefix="run-", dir=STORES)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)
