# SPDX-License-Identifier: Apache-2.0
"""Wait for a state instead of expecting it."""
import time

from settings import PATIENCE


SELDOM = 0.05       # seconds


def eventually(condition, what, within=30, every=0.002):
    """Wait until the condition holds, and return what it returned.

    Look at it every so many seconds, and less often the longer it takes: each look costs the daemon and the
    test work, which others wait for."""
    began = time.monotonic()
    while not (value := condition()):
        passed = time.monotonic() - began
        assert passed < within * PATIENCE, f"not within {within} s: {what}"
        time.sleep(max(every, min(SELDOM, passed / 20)))
    return value


def eventually_shown(condition, what, within=30):
    """Likewise, of what a browser is asked: each question takes it milliseconds of work."""
    return eventually(condition, what, within, every=0.1)
