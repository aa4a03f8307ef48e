# SPDX-License-Identifier: Apache-2.0
"""Agent, jetond and the connections between them are ended at any moment: in the end each host has what the database has."""
import random
import signal
import time

import pytest

from campaign import rounds
from fleet_host import GROUP
from fleet_hosts import Hosts, states, states_in
from fleet_postgres import NOW, deny, put
from settings import PATIENCE
from value import digest_of, value_new
from waiting import eventually

SECONDS = 5
PAUSE = 0.1         # between two accidents, at most


class Writer:
    """Makes changes of all kinds as a host that issues, and knows what must be so of each token."""

    def __init__(self, session):
        self.session = session
        self.made, self.revoked = {}, set()

    def step(self):
        roll = random.random()
        if roll < 0.5 or not self.made:
            value = value_new()
            self.made[value] = digest_of(value)
            put(self.session, self.made[value], created=NOW - 1000)
        elif roll < 0.8:
            value = random.choice(list(self.made))
            deny(self.session, self.made[value])
            self.revoked.add(value)
        else:
            deny(self.session, *(self.made[value] for value in random.sample(list(self.made), min(5, len(self.made)))), event="disable")


def accident(host, link):
    """End something, at a moment that nobody chose."""
    roll = random.random()
    if roll < 0.45:
        host.kill_agent()
        host.agent_of_new_boot()
    elif roll < 0.6:
        host.kill_agent()
        host.kill()
        host.start()
        host.agent_of_new_boot()
    elif roll < 0.8:
        link.cut()
    else:
        host.agent.process.send_signal(signal.SIGSTOP)
        time.sleep(random.uniform(0, PAUSE))
        host.agent.process.send_signal(signal.SIGCONT)


def same(host, fleet):
    return states(host) == states_in(fleet)


@pytest.mark.campaign
def test_host_whose_agent_and_jetond_are_killed_at_any_step_has_what_the_database_has(fleet_database):
    with Hosts(fleet_database) as hosts:
        writer = Writer(fleet_database.join("issuer", GROUP, issuer=True))
        host = hosts.start("h1").has_lease()
        accidents = 0
        for _ in rounds():
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                accident(host, hosts.link["h1"])
                accidents += 1
                for _ in range(random.randrange(1, 25)):
                    writer.step()
                time.sleep(random.uniform(0, PAUSE))
            host.has_lease()
            eventually(lambda: same(host, fleet_database), "the same tokens in the same states", 20 * PATIENCE)
            assert all(host.verdict(value) == "NO revoked" for value in writer.revoked)
        print(f"{accidents} accidents, {len(writer.made)} tokens, {len(writer.revoked)} revoked, place {host.place}")
        host.restart()
        assert states(host) == states_in(fleet_database), "also after a start, from the files alone"
