# SPDX-License-Identifier: Apache-2.0
"""Many simulated hosts, and one real one among them: what each is given is what the database has."""
import subprocess

import pytest

from campaign import rounds
from fleet_host import FleetHost
from settings import BUILD, PATIENCE, TORTURE

SIMULATOR = f"{BUILD}/tests/fleet/simulator"
# At length as many as a server of the tests' takes; the bench has 500.
HOSTS, JOINING = (60, 20) if TORTURE else (30, 10)


class Simulator:
    """The program, which answers each command by a line of name=value."""

    def __init__(self, database, real):
        self.process = subprocess.Popen([SIMULATOR, database, real.path("verify"), real.path("fleet")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(10 * PATIENCE) == 0

    def ask(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{command}: the simulator ended"
        print(f"{command}: {line.strip()}")
        return {name: float(value) for name, value in (field.split("=") for field in line.split())}

    def check(self):
        found = self.ask("check 20")
        assert (found["settled"], found["differ"], found["gaps"], found["errors"]) == (1, 0, 0, 0)
        return found


@pytest.mark.campaign
@pytest.mark.slow
def test_many_hosts_are_given_each_change_once_through_storms_bursts_and_joins(fleet_database):
    fleet_database.admin.ask("select jeton.join('real', '{sim}', false)")
    with FleetHost(fleet_database.conninfo("real")) as real, Simulator(fleet_database.conninfo(), real) as simulator:
        simulator.ask(f"members {HOSTS + JOINING}")
        real.has_lease()
        simulator.ask("create 1500 500")
        simulator.ask(f"return {HOSTS}")
        for number in rounds():
            if number:
                simulator.check()
                simulator.ask("create 1000 250")
            told = simulator.ask("revoke 10 20")
            assert told["last_max"] < 5000 * PATIENCE and told["saved_max"] < 5000 * PATIENCE
            simulator.ask("burst 1000 250")
            simulator.ask("storm")
        assert simulator.ask(f"join {JOINING}")["hosts"] == JOINING
        simulator.ask("revoke 5 0")
        assert simulator.ask("deaf 1")["deaf"] == 1
        polled = simulator.ask("revoke 2 0")
        assert polled["last_max"] < 10000 * PATIENCE, "polling is enough, if late"
        found = simulator.check()
        assert found["snapshots"] == JOINING and found["rewinds"] == 0, "who comes back goes on where it was"
        assert found["lapses"] == 0 and found["memory_mb"] < 200
