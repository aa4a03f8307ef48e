# SPDX-License-Identifier: Apache-2.0
"""A host whose clock is set, or which slept: its lease is neither longer nor ended by that."""
import os
import time

import pytest

from clock import Clock
from fleet_host import CUT_OFF, LEASE
from fleet_hosts import Hosts
from value import value_new
from waiting import eventually

HOUR = 3600


def holds(host, value, seconds):
    """The host accepts the token all the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert host.verdict(value) == "OK"
        time.sleep(0.02)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_wall_clock_that_is_set_by_an_hour_neither_ends_a_lease_nor_makes_it_longer(fleet_database, step):
    clock = Clock()
    os.environ |= clock.environment         # of jetond and agent
    with Hosts(fleet_database) as hosts:
        host = hosts.start("h1", issuer=True).has_lease()
        value = host.create()
        clock.step(step)
        holds(host, value, 1.5)
        assert 0 < host.lease <= LEASE
        hosts.link["h1"].stopped.clear()
        cut = time.monotonic()
        clock.step(0 if step > 0 else 2 * step)
        host.runs_out(value, cut)
        assert host.verdict(value_new()) == CUT_OFF
        hosts.link["h1"].stopped.set()
        host.has_lease()
        assert host.verdict(value) == "OK"


def test_machine_that_slept_longer_than_its_lease_asks_before_it_answers(fleet_database):
    clock = Clock()
    os.environ |= clock.environment
    with Hosts(fleet_database) as hosts:
        host = hosts.start("h1", issuer=True).has_lease()
        value = host.create()
        hosts.link["h1"].stopped.clear()
        clock.suspend(int(2 * LEASE))
        # jetond compares both clocks once a second.
        eventually(lambda: host.verdict(value) == CUT_OFF, "the lease is over", 3)
        hosts.link["h1"].stopped.set()
        host.has_lease()
        eventually(lambda: host.verdict(value) == "OK", "it has asked")
