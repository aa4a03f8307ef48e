# SPDX-License-Identifier: Apache-2.0
"""A disk that hangs, for a store with a log and for one without."""
import contextlib
import tempfile

from preload import built
from store_lock import writer_locked_out


class WithoutLog:
    """The writer is kept out of its own file."""
    settings = ("daemon.log=no",)
    extra = {}
    stuck = staticmethod(writer_locked_out)


class WithLog:
    """No sync returns."""
    settings = ()

    def __init__(self):
        self.switch = tempfile.mkstemp()[1]
        self.set(0)

    @property
    def extra(self):
        return {"LD_PRELOAD": built("hanging"), "JETON_HANG": self.switch}

    def set(self, byte):
        with open(self.switch, "r+b") as file:
            file.write(bytes([byte]))

    @contextlib.contextmanager
    def stuck(self, _daemon):
        """Yield a function that releases it early."""
        self.set(1)
        try:
            yield lambda: self.set(0)
        finally:
            self.set(0)
