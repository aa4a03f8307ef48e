# SPDX-License-Identifier: Apache-2.0
"""Filters and orders over a million tokens, and ten thousand revocations by one of them."""
import contextlib
import os
import secrets
import socket
import time

import servers
from measure import MILLION, Scratch, median, ratios, report, store
from servers import HERE, ROOT

TURNS, LEAVING, FEW, PROCESSES, SECONDS = 8, 10000, 10, 2, 0.4
FIRST_PAGES = {"newest first": "sort=created order=desc", "oldest first": "", "last used first": "sort=used order=desc",
               "by subject": "sort=subject", "by expiry": "sort=expires"}


class Admin:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)

    def final(self):
        """Return the last line of a reply, whose other lines begin with *."""
        end = b""
        while end.startswith(b"*") or not end.endswith(b"\n"):
            piece = self.sock.recv(1 << 20)
            assert piece, "the daemon has closed the connection"
            end = (end + piece)[-16384:]
            end = end[end.rfind(b"\n", 0, -1) + 1:]
        return end.decode()

    def ask(self, line, wanted="OK"):
        """Return the seconds that a request takes."""
        began = time.perf_counter()
        self.sock.sendall(line.encode() + b"\n")
        final = self.final()
        assert final.startswith(wanted), f"{line}: {final}"
        return time.perf_counter() - began

    def import_all(self, subject, values):
        for at in range(0, len(values), 100):
            part = values[at:at + 100]
            self.sock.sendall("".join(f"import token={value} subject={subject} scopes=deploy,read\n" for value in part).encode())
            lines = b""
            while lines.count(b"\n") < len(part):
                lines += self.sock.recv(1 << 20)
            assert lines.count(b"OK ") == len(part), lines[:200]


def others(stack, daemon):
    """Start processes that verify by the table."""
    os.environ |= {"LD_LIBRARY_PATH": servers.BUILD, "PYTHONPATH": f"{ROOT}/plugin/python", "PYTHONDONTWRITEBYTECODE": "1"}
    return [stack.enter_context(servers.CommandLoop("/usr/bin/python3", f"{HERE}/many_verify.py", daemon.path))
            for _ in range(PROCESSES)]


def answered(processes, values):
    return [process.request(" ".join(values)) for process in processes]


def turn(daemon, admin, number, processes, client):
    """One subject leaves, while another process verifies; then there are lists, while it does so again."""
    values = ["l" + secrets.token_urlsafe(32) for _ in range(LEAVING)]
    admin.import_all(f"leaver-{number}", values)
    admin.import_all(f"few-{number}", ["f" + secrets.token_urlsafe(32) for _ in range(FEW)])
    assert answered(processes, values) == PROCESSES * [{"accepted": LEAVING, "revoked": 0}]
    found = {"idle": daemon.load("hit", 1, 1, SECONDS, cpu=client),
             "counted": admin.ask(f"revoke subject=leaver-{number}", f"ERR count matched={LEAVING}")}
    daemon.begin_load("hit", 1, 1, SECONDS, cpu=client)
    found["revoked"] = admin.ask(f"revoke subject=leaver-{number} count={LEAVING}", f"OK count={LEAVING} changed={LEAVING}")
    found["revoking"] = daemon.end_load(cpu=client)
    assert answered(processes, values) == PROCESSES * [{"accepted": 0, "revoked": LEAVING}]
    few = f"list subject=few-{number}"
    for name, line in {"whole": "list", "ten": few, "sorted": f"{few} sort=expires", "unindexed": f"{few} match=few"}.items():
        found[name] = admin.ask(line)
    for name, order in FIRST_PAGES.items():
        found[name] = admin.ask(f"list {order} limit=100")
    for name, line in {"filtering": few, "sorting": "list sort=used order=desc limit=100"}.items():
        daemon.begin_load("hit", 1, 1, SECONDS, cpu=client)
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            admin.ask(line)
        found[name] = daemon.end_load(cpu=client)
    return found


def rows(turns):
    def time_of(name, key, peer, goal):
        of = (lambda one: one["whole"]) if peer == "the whole list" else lambda one: 1.0
        report.row(name, f"{median(turns, key) * 1e3:.1f} ms", peer, f"{sorted(map(of, turns))[len(turns) // 2]:.2f} s",
                   [one[key] / of(one) for one in turns], goal)

    time_of(f"revoke {LEAVING:,} of 10^6 by a filter", "revoked", "a second", ("<=", 1.0))
    time_of("... how many match", "counted", "a second", None)
    time_of(f"list: {FEW} of 10^6 match", "ten", "the whole list", ("<=", 1.0))
    time_of("... in the order of expiry", "sorted", "the whole list", ("<=", 1.0))
    time_of("... and by their texts", "unindexed", "the whole list", ("<=", 1.0))
    for name in FIRST_PAGES:
        time_of(f"first 100 of 10^6, {name}", name, "the whole list", ("<=", 1.0))
    idle = [one["idle"] for one in turns]
    for what in "revoking", "filtering", "sorting":
        busy = [one[what] for one in turns]
        for name in "p50", "p99":
            report.row(f"verify {name} while {what}", f"{median(busy, name) / 1e3:.1f} us", "idle",
                       f"{median(idle, name) / 1e3:.1f} us", ratios(busy, idle, lambda m, name=name: m[name]),
                       ("<=", 1.3) if name == "p99" else None)


def many():
    report.section(f"filters and orders over 10^6 tokens, and {LEAVING:,} revocations by one filter")
    client = 1 if os.cpu_count() > 1 else 0
    with contextlib.closing(Scratch()) as scratch, contextlib.ExitStack() as stack:
        daemon = stack.enter_context(servers.jetond(store(MILLION, scratch.path), nice=-20 if os.geteuid() == 0 else None))
        daemon.load("hit", 1, 1, 0.1, MILLION)                  # waits until the store is loaded
        admin, processes = Admin(daemon.admin), others(stack, daemon)
        turns = [turn(daemon, admin, number, processes, client) for number in range(TURNS)]
    rows(turns)
    report.note(f"each of the {LEAVING:,} was refused at the next call in {PROCESSES} other processes, which verify by the table")
