# SPDX-License-Identifier: Apache-2.0
"""Clients that work while others do what takes long."""
import threading
import time

from client import Client
from settings import PATIENCE


class Bystanders:
    """Clients that verify and create while another one lists."""

    def __init__(self, daemon, value):
        self.stop = threading.Event()
        self.counts = {"verify": 0, "create": 0}
        self.worst = {"verify": 0.0, "create": 0.0}
        self.others = []        # other verdicts than OK
        self.threads = [
            threading.Thread(target=self.repeat, daemon=True, args=(daemon.path(role), *what))
            for role, *what in (("verify", "verify", f"verify {value}", 0.01),
                                ("admin", "create", "create description=late", 0.1))]
        for thread in self.threads:
            thread.start()

    def repeat(self, path, verb, line, pause):
        with Client(path) as client:
            while not (self.stop.is_set() and self.counts[verb]):      # each has its turn at least once
                began = time.monotonic()
                if (verdict := client.request(line).verdict) != "OK":
                    self.others.append(verdict)
                self.worst[verb] = max(self.worst[verb], time.monotonic() - began)
                self.counts[verb] += 1
                time.sleep(pause)

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30 * PATIENCE)
            assert not thread.is_alive(), "a bystander is stuck"
        assert min(self.counts.values()) > 0 and self.others == [], (self.counts, self.others)
