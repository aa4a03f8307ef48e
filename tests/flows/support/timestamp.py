# SPDX-License-Identifier: Apache-2.0
"""Times in the protocol's words."""
import calendar
import time


def unix_time(stamp):
    """Seconds since 1970 of a time of the protocol."""
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
