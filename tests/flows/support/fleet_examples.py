# SPDX-License-Identifier: Apache-2.0
"""Checks the examples of fleets in documents: flows/fleet tries what they do."""
import shlex
import subprocess

from program_calls import check_call, check_fleet
from settings import BUILD, PATIENCE
from transcript import commands


def run_fleet_config(place, text):
    """The agent finds no fault in it; that there is no such database is none."""
    path = f"{place.directory}/fleet.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(place.here(text))
    done = subprocess.run([f"{BUILD}/jeton-fleet", "--config", path, "check"], capture_output=True, text=True,
                          timeout=20 * PATIENCE, check=False)
    assert done.returncode == 0, done


def run_fleet_by_hand(place, text):
    """Commands that need a fleet: each is one that the programs know."""
    for command, _ in commands(text):
        program, word, *rest = shlex.split(command, comments=True)
        if program != "jeton":
            check_call([program, word, *rest])
        elif word == "fleet":
            check_fleet(rest)
        else:
            status, output = place.shell.run(place.here(command), typed=place.typed + "\n")
            assert status != 2, f"{command}: {output}"
