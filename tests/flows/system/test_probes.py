# SPDX-License-Identifier: Apache-2.0
"""Probes for tracers, as readelf sees them."""
import re
import shutil
import subprocess

import pytest

from settings import JETOND


def test_probes_are_where_a_tracer_finds_them():
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    notes = subprocess.run(["readelf", "-n", JETOND], capture_output=True, text=True).stdout
    if "stapsdt" not in notes:
        pytest.skip("built without sys/sdt.h (systemtap-sdt-dev)")
    found = re.findall(r"Provider: (\w+)\n\s+Name: (\w+)\n.*\n\s+Arguments: (.*)\n", notes)
    assert ({(provider, name) for provider, name, _ in found} ==
            {("jeton", name) for name in ("verify", "commit", "publish")})
    assert {len(arguments.split()) for _, _, arguments in found} == {2}, found
