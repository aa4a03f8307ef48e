# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile

import pytest


@pytest.fixture
def tmp_path():
    """A directory that is removed with all others of the test."""
    return pathlib.Path(tempfile.mkdtemp(prefix=""))
