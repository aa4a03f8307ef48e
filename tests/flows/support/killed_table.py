# SPDX-License-Identifier: Apache-2.0
"""The table of a daemon that was killed, which its clients believe for some seconds."""
from daemon import Daemon

ATTEMPTS = 5


def while_it_is_believed(attempt):
    """Call this with a daemon until it returns True: False says that the machine was so slow that nobody believed the
    table any more when it looked, which shows nothing."""
    for _ in range(ATTEMPTS):
        with Daemon() as daemon:
            if attempt(daemon):
                return
    raise AssertionError(f"a killed daemon's table was believed in none of {ATTEMPTS} attempts")
