# SPDX-License-Identifier: Apache-2.0
"""A server program of ours that runs during a `with` block."""
import signal

from daemon import REPORT
from settings import PATIENCE


class ServerProcess:
    """Leaving `with` stops it, and fails unless that went in good order.  Whoever derives from it sets .process, and
    .log_path of what it writes to standard error."""

    program = None      # its name
    process = None
    log_path = None

    def __exit__(self, kind, *_):
        if self.process is not None and self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.process.kill()
                self.process.wait()
        if kind is None:
            log = self.log()
            assert not REPORT.search(log), f"{self.program} reported: {log}"

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def ended(self, expected=0, within=20):
        assert self.process.wait(within * PATIENCE) == expected, self.log()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.ended()
