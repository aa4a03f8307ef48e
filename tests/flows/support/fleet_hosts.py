# SPDX-License-Identifier: Apache-2.0
"""Several whole hosts of a fleet, each with a link to the database that can be cut."""
import contextlib
import tempfile

from fleet_host import GROUP, FleetHost
from fleet_link import Link


# A link understands no encryption.
OF_TCP = {"host": "127.0.0.1", "sslmode": "disable", "gssencmode": "disable"}


class Hosts:
    """Starts hosts of a FleetDatabase in `with`; they end with it.  hosts.link[name] is what one has to the database."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.stack = contextlib.ExitStack()
        self.link = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def linked(self, name, tcp=False):
        """Return a connection string that leads through a link."""
        directory = None if tcp else tempfile.mkdtemp(prefix="link")
        link = self.link[name] = self.stack.enter_context(Link(directory, self.fleet.cluster.directory))
        return self.fleet.conninfo(name, **(OF_TCP | {"port": link.port} if tcp else {"host": directory}))

    def start(self, name, *agent_settings, issuer=False, tcp=False):
        """Let a host join, and start it; whoever needs a lease of it waits for that."""
        return self.start_with(name, self.linked(name, tcp), *agent_settings, issuer=issuer)

    def start_with(self, name, database, *agent_settings, issuer=False):
        """Likewise, with a connection string of the test's own."""
        self.fleet.join(name, GROUP, issuer=issuer).close()
        return self.stack.enter_context(FleetHost(database, agent_settings=agent_settings))


def all_have(hosts, serial):
    for host in hosts:
        host.has(serial)


def states(host):
    """Return the state of each token of the fleet that a host lists, by its id; revocations of unknown ones are none."""
    return {line["id"]: line["state"] for line in host.done("list fields=id,state,group").lines if line.get("group") == GROUP}


def states_in(fleet):
    """Return the same of the database."""
    rows = fleet.admin.ask("select left(encode(digest, 'hex'), 20), state from jeton.token where grp = $1 and known and state <> 'deleted'", GROUP)
    return dict(rows)
