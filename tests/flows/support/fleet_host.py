# SPDX-License-Identifier: Apache-2.0
"""A host of a fleet, whole: a jetond and its jeton-fleet."""
import time

from daemon import ROLES, Daemon
from fleet_agent import Agent
from settings import PATIENCE
from waiting import eventually

GROUP = "web"
LEASE = 5.0         # seconds: the shortest there is
# How long after the end of a lease an answer may still be yes: the error of the clocks' rates, and that jetond compares
# two clocks only once a second.
BOUND = 0.5
CUT_OFF = "ERR unavailable"


class FleetHost(Daemon):
    """Starts its jetond and, in `with`, its agent; `database` is a connection string.  Settings are jetond's,
    `agent_settings` the agent's, as fleet.key=value."""

    def __init__(self, database, *settings, agent_settings=(), **more):
        super().__init__(*settings, roles=(*ROLES, "fleet"), **more)
        self.database = database
        self.agent_settings = (f"fleet.lease={LEASE:g}s", *agent_settings)
        self.agent = None

    def __enter__(self):
        super().__enter__()
        self.begin_agent()
        return self

    def __exit__(self, kind, *rest):
        if self.agent is not None:
            self.agent.__exit__(kind, *rest)
        super().__exit__(kind, *rest)

    # -- the agent ------------------------------------------------------------------------------

    def begin_agent(self):
        self.agent = Agent(self.database, self.path("fleet"), *self.agent_settings)
        self.agent.__enter__()
        return self.agent

    def agent_of_new_boot(self):
        """Start the agent anew where the database cannot be reached: it does not get ready, so it is not waited for."""
        self.agent = Agent(self.database, self.path("fleet"), *self.agent_settings)
        self.agent.spawn()

    def kill_agent(self):
        self.agent.kill()
        self.agent = None

    def agent_log(self):
        return self.agent.log() if self.agent else ""

    # -- what it has ------------------------------------------------------------------------------

    def fleet(self):
        """Return place, lease and counts, as the agent is told them."""
        return self.done("fleet place", "fleet").final

    @property
    def place(self):
        return self.fleet()["place"]

    @property
    def serial(self):
        return serial_of(self.place)

    @property
    def lease(self):
        """Return the seconds that are left."""
        return int(self.fleet()["lease"]) / 1000

    def has_lease(self, within=30):
        eventually(lambda: self.lease > 0, f"a lease: {self.agent_log()[-2000:]}", within)
        return self

    def has(self, serial, within=30):
        """Wait until it has all changes up to a serial: saved, and in force."""
        eventually(lambda: self.serial >= serial, f"the change {serial}: {self.agent_log()[-2000:]}", within)
        return self

    # -- what it answers --------------------------------------------------------------------------

    def verdict(self, value):
        """Ask by the socket alone."""
        return self.ask(f"verify {value}", "verify").verdict

    def answers(self, value, wanted, within=10):
        eventually(lambda: self.verdict(value) == wanted, f"{wanted}, not {self.verdict(value)}", within)

    def runs_out(self, value, cut):
        """Wait for the end of the lease: whoever asks later than that after the connection was cut gets no other answer."""
        def is_over():
            began = time.monotonic()
            if self.verdict(value) == CUT_OFF:
                return True
            assert began - cut < LEASE + BOUND * PATIENCE, "the lease is too long"
            return False
        eventually(is_over, "the lease is over", 3 * LEASE)

    def create(self, group=GROUP, **claims):
        """Create a token of the fleet; return its value.  Its serial is kept for who waits for it."""
        reply = super().create(group=group, **claims)
        self.created = serial_of(reply["place"])
        return reply["token"]

    def revoke(self, value, more=""):
        """Return the reply, and the moment at which it came."""
        reply = self.ask(f"revoke token={value}{more}")
        return reply, time.monotonic()


def serial_of(place):
    return 0 if place == "none" else int(place.partition(":")[0])
