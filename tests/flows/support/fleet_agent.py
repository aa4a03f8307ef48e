# SPDX-License-Identifier: Apache-2.0
"""A jeton-fleet between a database and a jetond, or one that only seems to be."""
import contextlib
import os
import subprocess
import tempfile

from daemon import environment
from fleet_postgres import digest_of
from server_process import ServerProcess
from settings import BUILD
from waiting import eventually

FLEET = os.path.join(BUILD, "jeton-fleet")


class Agent(ServerProcess):
    """Runs with `database` (a connection string) and the socket at `socket`; settings are `fleet.key=value`."""

    program = "jeton-fleet"

    def __init__(self, database, socket, *settings, **more):
        self.directory = tempfile.mkdtemp(prefix="fa")
        self.database, self.socket, self.settings, self.more = database, socket, settings, more
        self.log_path = f"{self.directory}/log"

    def arguments(self):
        given = [f"fleet.database={self.database}", f"fleet.socket={self.socket}", "fleet.log_level=debug", *self.settings]
        return [word for one in given for word in ("--set", one)]

    def spawn(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([FLEET, "--config", "/dev/null", *self.arguments()], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=environment(), **self.more)
        return self

    def __enter__(self):
        self.spawn()
        eventually(self.is_ready, "the agent is ready", 20)
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"jeton-fleet ended with {self.process.returncode}: {self.log()}"
        return "ready: " in self.log()

    def kill(self):
        self.process.kill()
        self.process.wait()


def run(*arguments, **more):
    """Run a word of jeton-fleet; return the finished process."""
    return subprocess.run([FLEET, "--config", "/dev/null", *arguments], capture_output=True, text=True, env=environment(), timeout=60, **more)


@contextlib.contextmanager
def following(database, fake, *settings):
    """An agent that has its first lease."""
    with Agent(database, fake.path, "fleet.lease=5s", *settings) as agent:
        try:
            eventually(lambda: fake.lease() > 0, "the host has a lease")
            yield agent
        finally:
            print(agent.log(), fake.faults, len(fake.batches), fake.part and len(fake.part))


def newest(fleet):
    return fleet.admin.value("select coalesce(max(serial), 0) from jeton.change")


def caught_up(fleet, fake):
    """Wait until the host has all changes, under the database's own names."""
    place = fleet.admin.row("select serial, replace(nonce::text, '-', '') from jeton.change order by serial desc limit 1")
    eventually(lambda: fake.place == f"{place[0]}:{place[1]}", "the host has all changes")


# -- changes that go up: lines for FakeJetond.offer() -------------------------------------------------

CREATE = "event=create digest={} group=web created=2027-01-15T08:00:00Z by=uid:1000"


def create(number, more=""):
    return CREATE.format(digest_of(number).hex()) + more


def denial(number, event="revoke", more=""):
    return f"event={event} digest={digest_of(number).hex()} group=web by=uid:1000{more}"


def answer(fake, request, within=10):
    return eventually(lambda: fake.answered.get(request), "the answer", within)
