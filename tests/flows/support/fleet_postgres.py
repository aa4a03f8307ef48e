# SPDX-License-Identifier: Apache-2.0
"""The database of a fleet, and what its hosts ask of it."""
import contextlib
import os
import re
import uuid

from postgres import Cluster
from settings import ROOT

NOW = 1_800_000_000
PUT = "select * from jeton.put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
DENY = "select * from jeton.deny($1, $2, $3, $4)"
FEED = "select serial, nonce, event, digest, claims from jeton.feed where serial >= $1 order by serial limit $2"


def digest_of(number):
    """Ascending; in a fleet no two begin with the same 62 bits."""
    return (4 * number).to_bytes(8, "big") + bytes(24)


def shared_cluster():
    """Return the cluster that pytest's process keeps, without a claim to it."""
    cluster = Cluster.__new__(Cluster)
    cluster.directory = os.environ["JETON_TEST_CLUSTER"]
    return cluster


class FleetDatabase:
    """A database in a cluster, the shared one if none is given, where it is dropped at the end.  Sessions end with it."""

    def __init__(self, cluster=None):
        self.shared = cluster is None
        self.cluster = cluster or shared_cluster()
        self.name = "fleet_" + uuid.uuid4().hex[:12]
        self.sessions = contextlib.ExitStack()

    def __enter__(self):
        self.cluster.create_fleet(self.name)
        self.admin = self.connect()
        return self

    def __exit__(self, *_):
        self.sessions.close()
        if self.shared:
            self.cluster.drop(self.name)

    def conninfo(self, user="postgres", **more):
        return self.cluster.conninfo(self.name, user, **more)

    def connect(self, user="postgres", **more):
        return self.sessions.enter_context(self.cluster.connect(self.name, user, **more))

    def join(self, host, *groups, issuer=False):
        """Let a host join, and connect as it."""
        self.admin.ask("select jeton.join($1, $2, $3)", host, groups, issuer)
        return self.connect(host)


def put(session, digest, event="create", group="web", state="active", created=NOW, activates=None, expires=None, subject=None, scopes=None,
        description=None, replaces=None, by=0):
    """Return (serial, nonce)."""
    return session.row(PUT, event, digest, group, state, created, activates, expires, subject, scopes, description, replaces, by)


def deny(session, *digests, event="revoke", group="web", by=0):
    return session.row(DENY, event, digests, group, by)


def feed(session, serial=1, limit=100000):
    return session.ask(FEED, serial, limit)


def feed_query(name):
    """Return the text of a query of the agent's."""
    with open(f"{ROOT}/plugin/fleet/query.c", encoding="ascii") as source:
        row = re.search(rf"\[{name}\] = {{.*?}},", source.read(), re.DOTALL)
    return "".join(re.findall(r'"([^"]*)"', row[0])[1:])
