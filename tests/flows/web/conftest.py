# SPDX-License-Identifier: Apache-2.0
"""The fixture of jeton-web."""
import pytest

from web import Web


@pytest.fixture
def web():
    """Starts jeton-web with the arguments of Web(), in front of a daemon.  Each is stopped at the end, which fails
    unless that goes in good order."""
    started = []

    def start(daemon, *arguments, role="admin", **more):
        started.append(Web(daemon.path(role), *arguments, **more))
        return started[-1].__enter__()
    yield start
    for one in reversed(started):
        one.__exit__(None)
