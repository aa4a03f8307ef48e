# SPDX-License-Identifier: Apache-2.0
"""One Chromium for each process that runs tests, as its start takes seconds.

It is started before the first test that uses the fixture `browser`, outlives that test's process, and ends with the
process of pytest, however that ends (browser_keeper.py).  Each test has a context of its own in it, which shares nothing
with others: support/browser.py.  The address of its DevTools is in the environment of tests, as BROWSER."""
import importlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import in_memory

BROWSER = "JETON_TEST_BROWSER"
KEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser_keeper.py")
ANSWERS_WITHIN = 60     # seconds
ARGUMENTS = ["--headless=new", "--no-startup-window", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
             "--disable-breakpad", "--password-store=basic", "--in-process-gpu", "--disable-software-rasterizer",
             "--disable-site-isolation-trials", "--disable-dev-shm-usage",
             "--force-color-profile=srgb", "--hide-scrollbars", "--disable-lcd-text",
             # The last two would have pages of the browser itself in each window.
             "--disable-features=Translate,OptimizationHints,MediaRouter,WebUIOmniboxPopup,WebUIOmniboxAimPopup", "--lang=en-US",
             # Nothing but this machine is ever asked for; *.test are other names of it.
             "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]


def missing():
    """Return the package that a browser needs if it is not installed, or None."""
    return None if shutil.which("chromium") else "chromium"


class Keeper:
    """A Chromium, in processes that end with this one.  Its .address is that of its DevTools."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, KEEPER, os.path.dirname(in_memory.__file__), "chromium", *ARGUMENTS],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        assert self.address, "chromium does not start"

    def lives(self):
        try:
            with urllib.request.urlopen(f"http://{self.address.split('/')[2]}/json/version", timeout=ANSWERS_WITHIN) as response:
                return bool(response.read())
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
        os.environ[BROWSER] = keeper.address


def pytest_unconfigure(config):
    keeper = config.stash.get(KEPT, None)
    if keeper is not None:
        keeper.end()
