# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the flow tests, and the daemons' logs in the report of a failure."""
import os

import pytest

from daemon import Daemon, daemons

LOG_LINES = 60          # of each daemon
FAILED = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        item.stash[FAILED] = True
        for daemon in daemons:
            if os.path.exists(daemon.log_path):
                lines = daemon.log().splitlines()[-LOG_LINES:]
                report.sections.append((f"log of jetond in {daemon.directory}", "\n".join(lines)))


@pytest.fixture
def daemon(request):
    """Starts daemons with the arguments of Daemon().  Each is stopped at the end, which fails unless
    that goes in good order; after a failure they are killed."""
    started = []

    def start(*settings, **more):
        started.append(Daemon(*settings, **more))
        return started[-1].__enter__()
    yield start
    kind = AssertionError if request.node.stash.get(FAILED, False) else None
    for one in reversed(started):
        one.__exit__(kind)
