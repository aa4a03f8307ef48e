# SPDX-License-Identifier: Apache-2.0
"""Clients come and go as fast as they can while descriptors are few: an administrator gets in each
time, denials hold, and afterwards nothing is left of it."""
import os
import random
import resource
import socket
import time

import proc
from client import Client
from harness import Daemon, claim, eventually, rounds, same
from settings import PATIENCE

DESCRIPTORS = 64
CROWDS = 3              # processes
AT_ONCE = 40            # connections of each
SECONDS = 2
WORST = 5               # seconds that an administrator may wait


def crowd(path, value, over):
    """Connects, asks and vanishes, or stays and is silent, in any order."""
    held = []
    while time.monotonic() < over:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(path)
            sock.send(random.choice((b"", b"ver", f"verify {value}\n".encode() * 3)))
        except OSError:
            pass
        held.append(sock)
        if len(held) >= AT_ONCE:
            held.pop(random.randrange(len(held))).close()


def start_crowd(*arguments):
    child = os.fork()
    if child == 0:
        try:
            crowd(*arguments)
        finally:
            os._exit(0)
    return child


def demand_service(daemon, over):
    """Goes through a token's life on a new connection each time, until then."""
    lives = 0
    while time.monotonic() < over:
        began = time.monotonic()
        with Client(daemon.path()) as admin:
            made = admin.request("create")
            same(made.verdict, "OK")
            same(admin.request(f"verify {made['token']}").verdict, "OK")
            same(admin.request(f"revoke {made['id']}").verdict, "OK")
            same(admin.request(f"verify {made['token']}").verdict, "NO revoked")
        assert time.monotonic() - began < WORST * PATIENCE, "an administrator waits for the crowd"
        lives += 1
    return lives


@claim(campaign=True)
def administrator_gets_in_through_a_storm_of_clients_at_few_descriptors():
    with Daemon(limits={resource.RLIMIT_NOFILE: DESCRIPTORS}) as d:
        value = d.create()["token"]
        d.clients.pop("admin").close()
        for _ in rounds():
            over = time.monotonic() + SECONDS
            children = [start_crowd(d.path("verify"), value, over) for _ in range(CROWDS)]
            lives = demand_service(d, over)
            for child in children:
                os.waitpid(child, 0)
            assert lives > 0 and proc.descriptors(d.pid) <= DESCRIPTORS
            eventually(lambda: int(d.stats()["connections"]) == 1, "all are gone", every=0.05)
            d.clients.pop("admin").close()
