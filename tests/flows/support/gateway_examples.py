# SPDX-License-Identifier: Apache-2.0
"""Examples in documents that concern the gateway."""
import glob

from documents import read
from gateway import run_gateway


def run_gateway_config(place, text):
    path = f"{place.directory}/gateway.conf"
    with open(path, "w") as file:
        file.write(text)
    done = run_gateway("--config", path, "--check", "--set", f"gateway.socket={place.d.path('verify')}")
    assert done.returncode == 0 and "configuration: OK" in done.stdout, done


def run_excerpt(place, text):
    """Each line is in a configuration of plugin/examples, which test_proxies runs."""
    shipped = {" ".join(line.split("#")[0].split()) for path in glob.glob("plugin/examples/*/*") for line in read(path).splitlines()}
    for line in text.splitlines():
        assert " ".join(line.split()) in shipped, line
