# SPDX-License-Identifier: Apache-2.0
"""Rules for every test: where it is run, how long it may take, and which tests are begun first."""
import os

import pytest

from settings import JETOND, PATIENCE, TORTURE

pytest_plugins = ["bytecode", "browsers", "clusters", "isolation", "programs"]
pytest.register_assert_rewrite("daemon", "jeton_command", "library", "load", "oauth_server",
                               "pam_stack", "waiting", "web_page", "witness")


def pytest_sessionstart():
    if not os.access(JETOND, os.X_OK):
        raise pytest.UsageError(f"there is no {JETOND}: run `make test`, or `make` and set BUILD")


def pytest_collection_modifyitems(config, items):
    for item in items:
        item.add_marker(pytest.mark.timeout(deadline(config, item), func_only=True), append=False)
    items.sort(key=lambda item: not takes_long(item))


def deadline(config, item):
    """Seconds that a test may take."""
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else float(config.getini("timeout"))
    if item.get_closest_marker("campaign"):
        seconds += 2 * TORTURE
    return seconds * PATIENCE


def takes_long(item):
    return item.get_closest_marker("slow") or item.get_closest_marker("campaign")
