# SPDX-License-Identifier: Apache-2.0
"""A time of day that a test moves."""
import os
import struct
import tempfile

from preload import built


class Clock:
    """The offset of the daemon's time of day, and of whatever else is started with its environment."""

    def __init__(self):
        self.path = f"{tempfile.gettempdir()}/offset"
        self.environment = {"LD_PRELOAD": built("clock"), "JETON_CLOCK": self.path}
        self.synchronised = False
        self.suspended = 0
        self.step(0)

    def step(self, seconds):
        """Write the offset in place, as the file is mapped."""
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=qqq", seconds, self.synchronised, self.suspended))
        self.offset = seconds

    def suspend(self, seconds):
        """The machine wakes after so long: its monotonic clock has stood still."""
        self.suspended += seconds
        self.step(self.offset + seconds)

    def synchronise(self, synchronised=True):
        self.synchronised = synchronised
        self.step(self.offset)
