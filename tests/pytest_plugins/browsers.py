# SPDX-License-Identifier: Apache-2.0
"""One Chromium for each process that runs tests, as its start takes seconds.

It is started before the first test that uses the fixture `browser`, outlives that test's process, and ends with the
process of pytest, however that ends (browser_keeper.py).  Each test has a context of its own in it, which shares nothing
with others: support/browser.py.  What is needed to find it is in the environment of tests, as BROWSER."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

BROWSER = "JETON_TEST_BROWSER"
KEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser_keeper.py")
START_WITHIN = 60       # seconds
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
             "--disable-breakpad", "--in-process-gpu", "--disable-software-rasterizer", "--disable-site-isolation-trials", "--disable-dev-shm-usage",
             "--force-color-profile=srgb", "--hide-scrollbars", "--disable-lcd-text",
             # The last two would have pages of the browser itself in each window.
             "--disable-features=Translate,OptimizationHints,MediaRouter,WebUIOmniboxPopup,WebUIOmniboxAimPopup", "--lang=en-US",
             # Nothing but this machine is ever asked for; *.test are other names of it.
             "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]


def missing():
    """Return the first package that a browser needs and that is not installed, or None."""
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if shutil.which(program) is None:
            return package
    return None if importlib.util.find_spec("selenium") else "python3-selenium"


class Keeper:
    """A chromedriver with one session, in processes that end with this one."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, KEEPER, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port, profile = self.process.stdout.readline().split(maxsplit=1)
        self.url = f"http://127.0.0.1:{port}"
        options = {"binary": shutil.which("chromium"), "args": [*ARGUMENTS, f"--user-data-dir={profile.strip()}"]}
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "unhandledPromptBehavior": "ignore"}}})
        self.session = made["sessionId"]
        self.capabilities = made["capabilities"]

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=START_WITHIN) as response:
            return json.load(response)["value"]

    def description(self):
        """Return what BROWSER has of it."""
        return json.dumps({"url": self.url, "session": self.session, "capabilities": self.capabilities})

    def lives(self):
        try:
            return bool(self.ask("GET", f"/session/{self.session}/window/handles"))
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def end(self):
        self.process.terminate()        # its input has other writers: what was forked here since
        self.process.wait(20)


KEPT = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    if "browser" in getattr(item, "fixturenames", ()) and missing() is None:
        provide(item.config)
    yield


def provide(config):
    keeper = config.stash.get(KEPT, None)
    if keeper is not None and not keeper.lives():
        keeper.end()
        keeper = None
    if keeper is None:
        importlib.import_module("browser")          # once for all tests, which are forked from here
        keeper = config.stash[KEPT] = Keeper()
        os.environ[BROWSER] = keeper.description()


def pytest_unconfigure(config):
    keeper = config.stash.get(KEPT, None)
    if keeper is not None:
        keeper.end()
