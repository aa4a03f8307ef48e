# SPDX-License-Identifier: Apache-2.0
"""Skip a test where it cannot be run."""
import os

import pytest

from settings import SANITIZER


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


def need_plain_build():
    if SANITIZER:
        pytest.skip(f"means nothing under {SANITIZER}")
