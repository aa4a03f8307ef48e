# SPDX-License-Identifier: Apache-2.0
"""The fixture of gateways."""
import pytest

from gateway import Gateway


@pytest.fixture
def gateway(request):
    """Starts gateways with the arguments of Gateway().  Each is stopped at the end, which fails unless that
    goes in good order."""
    started = []

    def start(*arguments, **more):
        started.append(Gateway(*arguments, **more))
        return started[-1].__enter__()
    yield start
    for one in reversed(started):
        one.__exit__(None)
