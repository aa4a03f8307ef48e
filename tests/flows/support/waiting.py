# SPDX-License-Identifier: Apache-2.0
"""Wait for a state instead of expecting it."""
import itertools
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


def keeping_pace(act, most, tries=10):
    """Return act(step), which calls step() again and again.

    Where it fails, and the machine kept more than so many seconds between two steps, that is no fault: try again."""
    for left in reversed(range(tries)):
        steps = [time.monotonic()]
        try:
            return act(lambda: steps.append(time.monotonic()))
        except (AssertionError, OSError):
            steps.append(time.monotonic())
            if left == 0 or max(after - before for before, after in itertools.pairwise(steps)) < most:
                raise


def in_time(act, most, tries=10):
    """Return what act() returns.  It asks a program that gives up after some seconds: try again where it took so
    many, as the machine kept it, and not what it asked."""
    for _ in range(tries):
        began = time.monotonic()
        found = act()
        if time.monotonic() - began < most:
            break
    return found


def eventually_shown(condition, what, within=30):
    """Likewise, of what a browser is asked: each question takes it milliseconds of work."""
    return eventually(condition, what, within, every=0.1)
