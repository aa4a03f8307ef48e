# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL with a fleet's schema, saved as a database must be, and one real host."""
import socket
import subprocess
import sys
import time

import servers
from servers import BUILD, ROOT

sys.path.append(f"{ROOT}/tests/flows/support")
from postgres import Cluster, migrate

HOSTS = 500
# All hosts may be connected, and a few others.
SETTINGS = {"fsync": "on", "full_page_writes": "on", "max_connections": str(HOSTS + 50), "shared_buffers": "256MB",
            "min_wal_size": "80MB", "max_wal_size": "4GB"}
SIMULATOR = f"{BUILD}/tests/fleet/simulator"


class SavedCluster(Cluster):
    """With a log of files as large as they usually are."""

    segment = "16"


class Fleet:
    """A database, and one real host of it, once begin_host() has made it."""

    def __init__(self, stack):
        self.stack = stack
        self.cluster = stack.enter_context(SavedCluster(**SETTINGS))
        self.cluster.create("fleet")
        with self.cluster.connect("fleet") as session:
            migrate(session)
            session.ask("select jeton.join('real', '{sim}', false)")
        self.conninfo = self.cluster.conninfo("fleet")
        self.daemon = None

    def begin_host(self, path, **more):
        """A jetond whose agent is not begun yet."""
        self.daemon = self.stack.enter_context(servers.jetond(path, cpu=None, fleet=True, **more))
        return self.daemon

    def begin_agent(self):
        words = [word for key, value in {"database": self.cluster.conninfo("fleet", "real"), "socket": self.daemon.fleet,
                                         "stale": "keep 24h"}.items() for word in ("--set", f"fleet.{key}={value}")]
        agent = subprocess.Popen([f"{BUILD}/jeton-fleet", "--config", "/dev/null", *words], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(lambda: (agent.kill(), agent.wait()))
        return agent

    def simulator(self, real=True):
        sockets = (self.daemon.path, self.daemon.fleet) if real else ()
        return self.stack.enter_context(servers.CommandLoop(SIMULATOR, self.conninfo, *sockets))


def final(path, line):
    """Return the fields of the last line that answers."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(line.encode() + b"\n")
        words = sock.makefile("rb").readline().decode().split()
    assert words[0] == "OK", words
    return dict(word.split("=", 1) for word in words[1:])


def lease_of(daemon):
    """Return its lease: none while it listens on its other sockets only."""
    try:
        return int(final(daemon.fleet, "fleet place")["lease"])
    except (FileNotFoundError, ConnectionRefusedError):
        return 0


def wait_for_lease(daemon):
    began = time.monotonic()
    while lease_of(daemon) == 0:
        if time.monotonic() - began > 30:
            raise RuntimeError("the real host has no lease")
        time.sleep(0.01)
