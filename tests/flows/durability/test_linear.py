# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, through the socket and through libjeton: one order in time explains what
all of them were answered, whatever becomes of the daemon meanwhile."""
import os
import random
import signal
import time

import pytest

from campaign import rounds
from history import DEADLINE, LEASE, End, check
from library import library
from settings import PATIENCE
from witness import AFTER_CREATE, CHANGES, Asker, Creator, Library, Stage, operations_of, witness

CHANGERS, ASKERS, LIBRARIES = 2, 2, 2
PEACE = 4 * PATIENCE    # seconds
MORE = 6                # rounds
ROUND = LEASE + DEADLINE + 4 * PATIENCE


def witnesses(daemon, stage):
    """Start all witnesses; return {process: file}."""
    kinds = [(lambda: Asker(daemon.path()), CHANGES)] * CHANGERS
    kinds += [(lambda: Asker(daemon.path("verify")), ("verify",))] * ASKERS
    kinds.append((lambda: Creator(daemon.path(), Asker(daemon.path("verify"))), AFTER_CREATE))
    if library() is not None:
        kinds += [(lambda: Library(daemon.path("verify")), ("verify",))] * LIBRARIES
        kinds.append((lambda: Creator(daemon.path(), Library(daemon.path("verify"))), AFTER_CREATE))
    found = {}
    for number, (make, verbs) in enumerate(kinds):
        path = f"{daemon.directory}/witness-{number}"
        found[witness(stage, make, verbs, path)] = path
    return found


def collected(witnesses):
    operations = []
    for child, path in witnesses.items():
        assert os.waitpid(child, 0)[1] == 0, "exit status of a witness"
        operations += operations_of(path)
    return operations


def put_an_end_to(daemon, by):
    life = daemon.pid
    daemon.kill() if by == signal.SIGKILL else daemon.stop()
    end = End(time.monotonic(), life, by == signal.SIGKILL)
    daemon.start()
    return end


def until(moment):
    time.sleep(max(0, moment - time.monotonic()))


def kinds_of(operations):
    """Return each (verb, answer, by) once."""
    kinds = {(o.verb, o.answer, o.by) for o in operations}
    assert [a for _, a, _ in kinds if a and a.startswith("ERR") and a != "ERR exists"] == []
    return kinds


def missing(kinds):
    """Return the kinds of answers that were not given, though the checks should be of all of them."""
    given = {(verb, answer) for verb, answer, _ in kinds}
    wanted = {("verify", v) for v in ("OK", "NO unknown", "NO disabled", "NO revoked")}
    wanted |= {(verb, "OK") for verb in ("create",) + CHANGES}
    if library() is not None and "table" not in {by for _, _, by in kinds}:
        wanted.add("an answer by the table")
    return wanted - given


def rounds_of_all(kinds):
    """Yield rounds, and more of them while one kind of answer was not given: on a busy machine one round may be
    too short for all."""
    yield from rounds()
    for number in range(MORE):
        if missing(kinds):
            yield number
    assert missing(kinds) == set(), "never seen"


@pytest.mark.timeout(200)
@pytest.mark.campaign
def test_answers_to_clients_have_one_order_in_time(daemon):
    kinds = set()
    d = daemon()
    for _ in rounds_of_all(kinds):
        stage = Stage(PEACE)
        operations = collected(witnesses(d, stage))
        kinds |= kinds_of(operations)
        assert check(operations) == len(operations)


@pytest.mark.timeout(200)
@pytest.mark.campaign
def test_answers_to_clients_have_one_order_in_time_across_kills_and_restarts(daemon):
    """Kill first, so that the lease of the table runs out while clients still ask."""
    kinds = set()
    d = daemon()
    for _ in rounds_of_all(kinds):
        stage = Stage(ROUND)
        found = witnesses(d, stage)
        until(stage.began + random.uniform(0.5, 1))
        ends = [put_an_end_to(d, signal.SIGKILL)]
        until(stage.over - random.uniform(0.3, 1.5))
        ends.append(put_an_end_to(d, signal.SIGTERM))
        operations = collected(found)
        kinds |= kinds_of(operations)
        check(operations, ends)
