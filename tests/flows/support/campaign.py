# SPDX-License-Identifier: Apache-2.0
"""Campaigns: one short round in `make test`, TORTURE_SECONDS of them in `make torture`."""
import time

from settings import TORTURE


def rounds():
    """Yield once, or for as long as a campaign lasts."""
    end = time.monotonic() + TORTURE
    yield 0
    number = 0
    while time.monotonic() < end:
        number += 1
        yield number
