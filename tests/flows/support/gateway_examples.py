# SPDX-License-Identifier: Apache-2.0
"""Examples in documents that concern the gateway."""
import glob
import os
import shutil
import subprocess

from documents import read
from gateway import GATEWAY, run_gateway
from settings import PATIENCE
from waiting import eventually


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


def run_gateway_by_hand(place, text):
    """The gateway in the foreground, beside a daemon, and a question to it."""
    if shutil.which("curl") is None:
        return
    assert place.d.path("verify") == f"{place.directory}/verify.sock"
    with open(f"{place.directory}/by-hand.conf", "w") as file:
        file.write("[site api]\n")
    text = text.replace("$PWD/build/run", place.directory).replace("build/jeton-gateway", f"exec {GATEWAY}")
    where, serve, ask = text.replace("FILE", f"{place.directory}/by-hand.conf").splitlines()
    environment = os.environ | {"token": place.typed}
    with subprocess.Popen(["bash", "-c", f"{where}\n{serve}"], env=environment) as gateway:
        try:
            eventually(lambda: os.path.exists(f"{place.directory}/http.sock"), "the gateway listens")
            done = subprocess.run(["bash", "-c", f"{where}\n{ask}"], env=environment, capture_output=True, text=True,
                                  timeout=20 * PATIENCE)
        finally:
            gateway.terminate()
    assert done.stdout.startswith("HTTP/1.1 200 OK") and "X-Jeton-Subject: " in done.stdout, done
