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
