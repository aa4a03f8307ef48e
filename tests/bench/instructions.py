# SPDX-License-Identifier: Apache-2.0
"""Instructions of a verification, which valgrind counts: unlike times, they hardly differ from run to run."""
import contextlib
import glob
import re
import shutil
import statistics
import subprocess

import servers
from measure import Scratch, report, store
from servers import BENCH

TOKENS, CLAIMS, LESS, MORE, DEPTH, RUNS = 1000, 20000, 10000, 40000, 64, 3


def callgrind(out):
    return ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}"]


def counted(out):
    with open(out) as file:
        return int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M).group(1))


def of_library(directory, *fleet):
    """Each verification with claims by jeton_verify(): what more of them cost.  `fleet`: an argument of inprocess.c."""
    totals = []
    for words in "", "claims\n":
        out = f"{directory}/library"
        subprocess.run([*callgrind(out), f"{BENCH}/inprocess", str(TOKENS), *fleet], input=words, text=True,
                       stdout=subprocess.DEVNULL, check=True)
        totals.append(counted(out))
    return (totals[1] - totals[0]) / CLAIMS


def of_daemon(directory, prepare=None, tokens=TOKENS, **more):
    """What more of them cost the thread that they cost most, which is the worker: others have work by the clock."""
    totals, path = [], store(tokens, directory) if tokens else f"{directory}/none.tdb"
    for replies in LESS, MORE:
        out = f"{directory}/daemon-{replies}"
        with servers.jetond(path, under=[*callgrind(out), "--separate-threads=yes"], **more) as daemon:
            if prepare:
                prepare(daemon)
            daemon.load("hit", 1, DEPTH, 60, TOKENS, replies=replies)
        totals.append({path[len(out):]: counted(path) for path in glob.glob(f"{out}-*")})
    return max(totals[1][thread] - totals[0].get(thread, 0) for thread in totals[1]) / (MORE - LESS)


def instructions():
    report.section("instructions of a verification")
    if shutil.which("valgrind") is None:
        report.note("missing, left out: valgrind")
        return
    with contextlib.closing(Scratch()) as scratch:
        for name, count in ("jeton_verify() with claims", of_library), (f"jetond, {DEPTH} requests at once", of_daemon):
            figures = [count(scratch.path) for _ in range(RUNS)]
            report.note(f"{name}: {statistics.median(figures):,.0f} instructions ({min(figures):,.0f} to {max(figures):,.0f})")
    report.note("a change that makes the verify path dearer shows here by 1 %; compare with the figures of the version before, "
                "built by the same compiler")
