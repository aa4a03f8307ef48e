# SPDX-License-Identifier: Apache-2.0
"""Filters over a million tokens, and ten thousand revocations by one of them."""
import contextlib
import os
import socket
import time

import servers
from measure import MILLION, Scratch, median, ratios, report, store

TURNS, LEAVING = 8, 10000


class Admin:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.lines = self.sock.makefile("rb", 1 << 20)

    def final(self):
        while (line := self.lines.readline()).startswith(b"*"):
            pass
        return line.decode()

    def ask(self, line, wanted="OK"):
        """Return the seconds that a request takes."""
        began = time.perf_counter()
        self.sock.sendall(line.encode() + b"\n")
        final = self.final()
        assert final.startswith(wanted), f"{line}: {final}"
        return time.perf_counter() - began

    def import_all(self, subject, count):
        for _ in range(count // 100):
            lines = [f"import digest={os.urandom(32).hex()} subject={subject} scopes=deploy,read\n" for _ in range(100)]
            self.sock.sendall("".join(lines).encode())
            for _ in lines:
                assert self.final().startswith("OK")


def turn(daemon, admin, number, client):
    """One subject leaves, while another process verifies."""
    admin.import_all(f"leaver-{number}", LEAVING)
    admin.import_all(f"few-{number}", 100)
    idle = daemon.load("hit", 1, 1, 0.4, cpu=client)
    counted = admin.ask(f"revoke subject=leaver-{number}", f"ERR count matched={LEAVING}")
    daemon.begin_load("hit", 1, 1, 0.4, cpu=client)
    revoked = admin.ask(f"revoke subject=leaver-{number} count={LEAVING}", f"OK count={LEAVING} changed={LEAVING}")
    busy = daemon.end_load(cpu=client)
    return {"counted": counted, "revoked": revoked, "idle": idle, "busy": busy,
            "few": admin.ask(f"list subject=few-{number} sort=expires limit=10"),
            "ten": admin.ask(f"list subject=few-{number}"), "whole": admin.ask("list") if number == 0 else None}


def many():
    report.section(f"filters over 10^6 tokens, and {LEAVING:,} revocations by one")
    client = 1 if os.cpu_count() > 1 else 0
    with contextlib.closing(Scratch()) as scratch, \
            servers.jetond(store(MILLION, scratch.path), nice=-20 if os.geteuid() == 0 else None) as daemon:
        daemon.load("hit", 1, 1, 0.1, MILLION)                  # waits until the store is loaded
        admin = Admin(daemon.admin)
        turns = [turn(daemon, admin, number, client) for number in range(TURNS)]
    whole = turns[0]["whole"]

    def row(name, key, peer, of, goal):
        report.row(name, f"{median(turns, key):.3f} s", peer, f"{of:.2f} s", [one[key] / of for one in turns], goal)
    row(f"revoke {LEAVING:,} of 10^6 by a filter", "revoked", "a second", 1, ("<=", 1.0))
    row("... how many match", "counted", "a second", 1, None)
    row("list: 100 of 10^6 match", "ten", "the whole list", whole, ("<=", 1.0))
    row("... in the order of expiry", "few", "the whole list", whole, ("<=", 1.0))
    for name in "p50", "p99":
        busy, idle = ([one[key] for one in turns] for key in ("busy", "idle"))
        report.row(f"verify {name} meanwhile", f"{median(busy, name) / 1e3:.1f} us", "idle", f"{median(idle, name) / 1e3:.1f} us",
                   ratios(busy, idle, lambda m: m[name]), ("<=", 1.3) if name == "p99" else None)
