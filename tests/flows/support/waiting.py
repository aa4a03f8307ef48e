# SPDX-License-Identifier: Apache-2.0
"""Wait for a state instead of expecting it."""
import time

from settings import PATIENCE


def eventually(condition, what, within=10, every=0.002):
    """Wait until the condition holds, and return what it returned."""
    deadline = time.monotonic() + within * PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(every)
    return value


def eventually_shown(condition, what, within=10):
    """Likewise, of what a browser is asked: each question takes it milliseconds of work."""
    return eventually(condition, what, within, every=0.1)
