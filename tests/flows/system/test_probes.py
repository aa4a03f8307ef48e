# SPDX-License-Identifier: Apache-2.0
"""Probes for tracers, as readelf sees them."""
import re
import shutil
import subprocess

from harness import Skip, claim, same
from settings import JETOND


@claim
def probes_are_where_a_tracer_finds_them():
    if shutil.which("readelf") is None:
        raise Skip("readelf is not installed")
    notes = subprocess.run(["readelf", "-n", JETOND], capture_output=True, text=True).stdout
    if "stapsdt" not in notes:
        raise Skip("built without sys/sdt.h (systemtap-sdt-dev)")
    found = re.findall(r"Provider: (\w+)\n\s+Name: (\w+)\n.*\n\s+Arguments: (.*)\n", notes)
    same({(provider, name) for provider, name, _ in found},
         {("jeton", name) for name in ("verify", "commit", "publish")})
    same({len(arguments.split()) for _, _, arguments in found}, {2}, found)
