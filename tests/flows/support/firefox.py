# SPDX-License-Identifier: Apache-2.0
"""A Firefox of our own, driven by its Marionette protocol: a length, a colon, and [0, number, command, parameters] as JSON."""
import json
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from settings import PATIENCE
from waiting import eventually, eventually_shown

PREFERENCES = {
    "marionette.port": 0,                   # any that is free
    "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#", "extensions.systemAddon.update.enabled": False, "browser.safebrowsing.downloads.remote.enabled": False,
}

WITHIN = 30     # seconds: it begins, and draws, with all processors of the machine


def need_firefox():
    if shutil.which("firefox-esr") is None:
        pytest.skip("firefox-esr is not installed (make deps-programs)")


class Firefox:
    """One window without anything of others.  Leaving `with` ends it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="firefox")
        self.profile = f"{self.directory}/profile"
        os.mkdir(self.profile)
        with open(f"{self.profile}/user.js", "w") as file:
            file.writelines(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        self.buffer, self.count = b"", 0

    def __enter__(self):
        with open(f"{self.directory}/log", "wb") as log:
            self.process = subprocess.Popen(["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", self.profile],
                                            env=os.environ | {"HOME": self.directory}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.sock = socket.create_connection(("127.0.0.1", self.port()))
            self.sock.settimeout(60 * PATIENCE)
            self.read()
            self.ask("WebDriver:NewSession", capabilities={})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def port(self):
        def written():
            try:
                with open(f"{self.profile}/MarionetteActivePort") as file:
                    return int(file.read() or 0)
            except FileNotFoundError:
                return 0
        return eventually(written, "Firefox listens", within=60, every=0.05)

    def read(self):
        while b":" not in self.buffer:
            self.buffer += self.sock.recv(1 << 16)
        size, _, self.buffer = self.buffer.partition(b":")
        while len(self.buffer) < int(size):
            self.buffer += self.sock.recv(1 << 16)
        message, self.buffer = self.buffer[:int(size)], self.buffer[int(size):]
        return json.loads(message)

    def ask(self, command, **parameters):
        self.count += 1
        message = json.dumps([0, self.count, command, parameters]).encode()
        self.sock.sendall(b"%d:%s" % (len(message), message))
        _, number, error, result = self.read()
        assert number == self.count and error is None, (command, error)
        return result

    # -- what a person does ----------------------------------------------------------------------

    def open(self, url):
        self.ask("WebDriver:Navigate", url=url)

    def run(self, script, *arguments):
        return self.ask("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def element(self, css):
        eventually_shown(lambda: self.run("return document.querySelector(arguments[0])?.checkVisibility() ?? false", css), f"{css} is shown", WITHIN)
        return next(iter(self.ask("WebDriver:FindElement", using="css selector", value=css)["value"].values()))

    def text(self, css, wanted=""):
        """Wait for an element with this text; return all of it."""
        found = "return [...document.querySelectorAll(arguments[0])].find(e => e.innerText.includes(arguments[1]))?.innerText ?? null"
        return eventually_shown(lambda: self.run(found, css, wanted), f"{css} shows {wanted}", WITHIN)

    def click(self, css):
        self.ask("WebDriver:ElementClick", id=self.element(css))

    def type(self, css, text):
        self.ask("WebDriver:ElementSendKeys", id=self.element(css), text=text)
