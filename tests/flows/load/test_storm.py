# SPDX-License-Identifier: Apache-2.0
"""Clients come and go as fast as they can while descriptors are few, or none is left: an
administrator gets in each time, denials hold, and afterwards nothing is left of it."""
import os
import random
import re
import resource
import signal
import socket
import time

import pytest

import proc
from campaign import rounds
from client import Client, Closed
from settings import PATIENCE
from waiting import eventually

DESCRIPTORS = 100       # the daemon needs most of them for itself
CROWDS = 3              # processes
AT_ONCE = 40            # connections of each
SECONDS = 1
WORST = 15              # seconds that an administrator may wait
RESIDENTS = 10          # connections that are there before the crowd, and stay


def crowd(path, value):
    """Connect, ask and disconnect, or stay silently, in any order."""
    held = []
    while True:
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


def live(daemon):
    """Go through a token's life on a new connection; return the stats during it."""
    began = time.monotonic()
    with Client(daemon.path()) as admin:
        made = admin.request("create")
        assert made.verdict == "OK"
        assert admin.request(f"verify {made['token']}").verdict == "OK"
        assert admin.request(f"revoke {made['id']}").verdict == "OK"
        assert admin.request(f"verify {made['token']}").verdict == "NO revoked"
        stats = {line["name"]: line["value"] for line in admin.request("stats").lines}
    assert time.monotonic() - began < WORST * PATIENCE, "an administrator waits for the crowd"
    return stats


def storm(daemon, value, reached=lambda stats: True):
    """Run the storm while one token after the other lives: for a while, and until reached(stats) is true."""
    children = [start_crowd(daemon.path("verify"), value) for _ in range(CROWDS)]
    over = time.monotonic() + SECONDS
    while not reached(live(daemon)) or time.monotonic() < over:
        assert time.monotonic() < over + WORST * PATIENCE, "the storm is too small for this limit"
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def alone(daemon):
    """Return the stats once only an administrator is connected."""
    stats = eventually(lambda: (now := daemon.stats())["connections"] == "1" and now,
                       "all are gone", every=0.05)
    admin = daemon.clients.pop("admin")
    admin.finish()
    assert admin.closed() == []            # its descriptor is
    admin.close()
    return stats


def places(daemon):
    """Return how many connections the daemon has descriptors for, besides an administrator's."""
    fewer = re.search(r"max_connections is (\d+) instead of", daemon.log())
    assert fewer, "descriptors are not few"
    return int(fewer[1])


@pytest.mark.campaign
def test_administrator_gets_in_through_a_storm_of_clients_at_few_descriptors(daemon):
    """Use so few descriptors that some of the crowd are refused, as all are in use."""
    d = daemon("daemon.workers=2", limits={resource.RLIMIT_NOFILE: DESCRIPTORS})
    assert places(d) < CROWDS * AT_ONCE, f"{places(d)} places are enough for this crowd"
    value = d.create()["token"]
    for _ in rounds():
        refused = int(alone(d)["connections_refused"])
        storm(d, value, lambda stats: int(stats["connections_refused"]) > refused)
    alone(d)


def taken_by_one_client(daemon):
    """Return how many descriptors the daemon has open once only one administrator is connected."""
    eventually(lambda: daemon.stats()["connections"] == "1", "who asked whether it is ready is gone")
    taken = proc.descriptors(daemon.pid)
    if taken < 0:
        pytest.skip("needs the right to see the daemon's descriptors")
    return taken


def test_changes_and_checkpoints_need_no_descriptor_that_is_opened_later(daemon):
    """It would be the last one, with which an administrator gets in."""
    d = daemon("daemon.workers=2", limits={resource.RLIMIT_NOFILE: DESCRIPTORS})
    taken = taken_by_one_client(d)
    for _ in range(2):
        token = d.create()
        d.done(f"revoke {token['id']}")
        d.done("checkpoint")
        assert d.ask("journal").verdict == "OK"
    eventually(lambda: proc.descriptors(d.pid) == taken, "all that was opened is closed")


def test_administrator_gets_in_after_the_first_checkpoint_while_no_descriptor_is_left(daemon):
    """That does not keep the one which the administrator before has given back."""
    d = daemon("daemon.workers=2", limits={resource.RLIMIT_NOFILE: DESCRIPTORS})
    allow(d, taken_by_one_client(d))        # which asks for the checkpoint
    with Client(d.path()) as admin:
        assert admin.request("create").verdict == "OK"
        admin.finish()
        assert admin.closed() == []
    d.done("checkpoint")
    for _ in range(2):
        live(d)


def settle_in(daemon, value):
    """Open connections that are answered, and stay."""
    residents = [daemon.client("verify") for _ in range(RESIDENTS)]
    for resident in residents:
        assert resident.request(f"verify {value}").verdict == "OK"
    return residents


def newcomer_is_served(daemon, value):
    """Check that a new client is served, from the queue that the crowd was in."""
    try:
        with daemon.client("verify") as client:
            return client.request(f"verify {value}").verdict == "OK"
    except (Closed, OSError):
        return False


def allow(daemon, descriptors):
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (descriptors, DESCRIPTORS))


@pytest.mark.campaign
def test_administrator_gets_in_through_a_storm_of_clients_while_no_descriptor_is_left(daemon):
    """The reserved descriptor serves the administrator, while the crowd has to wait in the queue."""
    d = daemon("daemon.workers=2", limits={resource.RLIMIT_NOFILE: DESCRIPTORS})
    value = d.create()["token"]
    for _ in rounds():
        before = alone(d)
        residents = settle_in(d, value)
        taken = proc.descriptors(d.pid)
        if taken < 0:
            pytest.skip("needs the right to see the daemon's descriptors")
        allow(d, taken)
        storm(d, value)
        after = live(d)
        came_in = int(after["connections_total"]) - int(before["connections_total"])
        assert after["connections_refused"] == before["connections_refused"], (
            "nobody is refused")
        assert came_in < CROWDS * AT_ONCE, f"descriptors were left: {came_in} came in"
        assert residents[0].request(f"verify {value}").verdict == "OK", (
            "those inside are served")
        allow(d, DESCRIPTORS)
        eventually(lambda: newcomer_is_served(d, value), "all that waited are gone", every=0.05)
        for resident in residents:
            resident.close()
    alone(d)
