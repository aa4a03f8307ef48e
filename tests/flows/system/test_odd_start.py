# SPDX-License-Identifier: Apache-2.0
"""A start with closed descriptors, or with something else in the place of a file of ours."""
import os
import subprocess

import pytest

from daemon import Daemon, run_jetond
from settings import JETOND
from waiting import eventually


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_start_with_closed_descriptors_writes_no_log_into_a_file_of_the_store(closed):
    d = Daemon("daemon.log_level=debug")
    d.process = subprocess.Popen(["sh", "-c", f"exec \"$@\" {closed}", "sh", JETOND, *d.arguments()],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(d.listens, "jetond listens")
    for fd in range(3):
        link = os.readlink(f"/proc/{d.pid}/fd/{fd}")
        assert link == "/dev/null", f"descriptor {fd} is {link}"
    d.create()
    d.stop()
    assert os.path.getsize(f"{d.store}.lock") == 0
    d.start()
    assert len(d.list()) == 1
    d.stop()


def test_pipe_in_the_place_of_the_times_of_last_use_is_replaced(daemon):
    d = daemon()
    d.stop()
    os.unlink(f"{d.store}.used")
    os.mkfifo(f"{d.store}.used")
    d.start()
    assert os.path.isfile(f"{d.store}.used")
    assert "tokens.tdb.used was damaged and is replaced" in d.log()


def test_pipe_in_the_place_of_the_lock_is_refused(daemon):
    d = daemon()
    d.stop()
    os.unlink(f"{d.store}.lock")
    os.mkfifo(f"{d.store}.lock")
    for more in (), ("--check",):
        done = run_jetond(*d.arguments(), *more)
        assert done.returncode == 1 and "tokens.tdb.lock: it is not a regular file" in done.stderr, done
    os.unlink(f"{d.store}.lock")
    d.start()


def test_pipe_in_the_place_of_the_configuration_is_refused_at_start_and_at_reload(daemon):
    d = daemon(config="[daemon]\nactivation_delay = 0s\n")
    os.unlink(d.config)
    os.mkfifo(d.config)
    d.reload()
    eventually(lambda: "this is not a regular file" in d.log(), "the reload is refused")
    assert d.create()["state"] == "active"
    done = run_jetond("--config", d.config, "--check")
    assert done.returncode == 2 and "this is not a regular file" in done.stderr, done
