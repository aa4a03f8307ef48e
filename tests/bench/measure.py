# SPDX-License-Identifier: Apache-2.0
"""Shared by all sections: alternating measurements, ratios, stores and the report."""
import os
import random
import shutil
import statistics
import subprocess
import tempfile

from report import Report
from servers import BENCH, BUILD, Missing, parse_fields

FULL = os.environ.get("BENCH_FULL", "") not in ("", "0")
ROUNDS, SECONDS = (15, 1.0) if FULL else (9, 0.2)
# The speed of a shared machine varies by a third within a second: servers alternate in short slices.
SLICES, SLICE = (400, 0.02) if FULL else (100, 0.02)
STARTS = 16 if FULL else 8
STORES = os.path.join(BUILD, "bench")
MILLION = 1000000
report = Report()
# The order of measurements, which is the same in every run.
order = random.Random(1)


def store(tokens, copy=None):
    """Path of a store with that many tokens, made once; or of a copy of it that may be changed."""
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


def run_program(*command):
    """Runs a program and parses the last line of its output, name=value."""
    output = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True).stdout
    return parse_fields(output.splitlines()[-1])


def alternate(measurements, rounds=ROUNDS):
    """Runs all measurements in each round; name -> list of results.  The first round warms up.  The order is
    shuffled in each round, so that none mostly follows the same one and suffers from its aftermath."""
    measured = {name: [] for name in measurements}
    for number in range(rounds + 1):
        for name in order.sample(list(measurements), len(measurements)):
            result = measurements[name]()
            if number > 0:
                measured[name].append(result)
    return measured


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def ratios(ours, theirs, value):
    """The ratio of each round."""
    return [value(a) / value(b) for a, b in zip(ours, theirs)]


def start_available(stack, makers):
    """Starts the servers whose programs are installed."""
    found = []
    for make in makers:
        try:
            found.append(stack.enter_context(make()))
        except Missing as missing:
            report.note(f"missing, left out: {missing}; make deps-bench installs it")
    return found


def format_rate(rate):
    return f"{rate:,.0f}/s"


class Scratch:
    """A temporary directory on the disk of the build."""

    def __init__(self):
        os.makedirs(STORES, exist_ok=True)
        self.path = tempfile.mkdtemp(prefix="run-", dir=STORES)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)
