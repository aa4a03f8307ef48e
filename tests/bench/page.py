# SPDX-License-Identifier: Apache-2.0
"""The page over a million tokens, in a real browser: how long a person waits, and the memory of browser and server."""
import contextlib
import json
import socket
import statistics
import subprocess
import time

import servers
from measure import MILLION, Scratch, report, store

MEGABYTE = 1e6


def ask(path, line):
    """Return the seconds that the daemon alone takes for an answer."""
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as lines:
        sock.connect(path)
        begin = time.perf_counter()
        sock.sendall(line.encode() + b"\n")
        while lines.readline().startswith(b"*"):
            pass
        return time.perf_counter() - begin


def row(name, seconds, peer, of, goal=None):
    report.row(name, f"{statistics.median(seconds):.2f} s", peer, f"{of:.2f} s", [one / of for one in seconds], goal)


def show(result, alone):
    row("first rows of 10^6", result["first"], "a second", 1, ("<=", 1.0))
    row("a page filtered by text", result["filtered"], "the daemon alone", alone)
    row("the next page", result["next"], "a second", 1, ("<=", 1.0))
    pages = len(result["next"])
    page, most, browser, server = (result[name] / MEGABYTE for name in ("page", "most", "browser", "server"))
    report.row(f"memory of the page after {pages} pages", f"{page:.0f} MB", "200 MB", "", page / 200, ("<=", 1.0))
    report.note(f"with what is garbage after {pages} pages in a row: {most:.0f} MB; the whole of Chromium: {browser:.0f} MB; jeton-web: {server:.1f} MB")
    report.note("a page filtered by text: with the quarter of a second for which the page waits for more to be typed")


def web():
    report.section("the page over 10^6 tokens, in Chromium")
    with contextlib.closing(Scratch()) as scratch, servers.jetond(store(MILLION, scratch.path), cpu=None) as daemon:
        daemon.load("hit", 1, 1, 0.1, MILLION)                  # waits until the store is loaded
        result = json.loads(subprocess.run(["/usr/bin/python3", f"{servers.HERE}/in_browser.py", daemon.admin],
                                           stdout=subprocess.PIPE, check=True).stdout)
        if "missing" in result:
            report.note(f"missing, left out: {result['missing']}; make deps-programs installs it")
        else:
            show(result, ask(daemon.admin, "list match=svc-0042 sort=created order=desc limit=100"))
