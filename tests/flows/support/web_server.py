# SPDX-License-Identifier: Apache-2.0
"""The server of `jeton web`, as a person starts it."""
import subprocess
import tempfile

from daemon import REPORT, environment
from jeton_command import JETON
from settings import PATIENCE


class WebServer:
    """`jeton web` in front of a socket.  Leaving `with` stops it, and fails unless that goes in good order.  `page` is
    its link, with the secret."""

    def __init__(self, socket, *options, **how):
        self.directory = tempfile.mkdtemp(prefix="web")
        self.log_path = f"{self.directory}/log"
        self.command = [JETON, "-S", socket, "web", "--no-browser", *options]
        self.how = how

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                            env=environment(), **self.how)
        self.page = self.process.stdout.readline().strip()
        assert self.page.startswith("http://"), (self.page, self.log())
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        status = self.process.wait(20 * PATIENCE)
        if kind is None:
            assert status == 0, (status, self.log())
            report = REPORT.search(self.log())
            assert not report, f"jeton-web reported: {report[0]}"
        else:
            print(self.log())

    @property
    def origin(self):
        return self.page.split("/#")[0]

    @property
    def secret(self):
        return self.page.split("#")[1]

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()
