# SPDX-License-Identifier: Apache-2.0
"""A database that takes no more changes: nothing is said to be done, denials are in force where they were asked for, and go up later."""
import contextlib
import os

import pytest

from fleet_host import GROUP, FleetHost
from fleet_postgres import FleetDatabase
from libpq import DatabaseError
from postgres import Cluster, need_postgresql, owner
from small_disk import fill, small_disk
from waiting import eventually

# What PostgreSQL says when it commits a NOTIFY and the queue is full, which takes 8 GiB: so it is said in its place.
QUEUE_FULL = """create function jeton.queue_full() returns trigger language plpgsql as
    $$ begin raise exception 'too many notifications in the NOTIFY queue' using errcode = '54000'; end $$;
    create constraint trigger queue_full after insert on jeton.change deferrable initially deferred for each row
    execute function jeton.queue_full()"""


@pytest.fixture
def stack():
    with contextlib.ExitStack() as found:
        yield found


def two_hosts(stack, fleet):
    fleet.join("h1", GROUP, issuer=True).close()
    fleet.join("h2", GROUP).close()
    hosts = [stack.enter_context(FleetHost(fleet.conninfo(name))).has_lease() for name in ("h1", "h2")]
    value = hosts[0].create()
    hosts[1].has(hosts[0].created)
    return *hosts, value


def refused_and_in_force(host, other, value):
    """Nothing can be made; a denial holds where it was asked for, and is not said to be done."""
    made = host.ask(f"create group={GROUP}")
    assert made.verdict == "ERR unavailable", made
    reply, _ = host.revoke(value)
    assert reply.verdict == "ERR unavailable" and "in force on this host" in reply["message"], reply
    assert host.verdict(value) == "NO revoked"
    assert int(host.stats()["fleet_unsent"]) == 1
    assert other.verdict(value) in ("OK", "ERR unavailable")


def is_mended(host, other, value):
    eventually(lambda: other.verdict(value) == "NO revoked", "the denial has gone up", 30)
    eventually(lambda: host.stats()["fleet_unsent"] == "0", "it is known to have gone up")
    eventually(lambda: host.ask(f"create group={GROUP}").verdict == "OK", "changes are made again", 20)
    other.has_lease()


def test_queue_of_notifications_that_is_full_confirms_nothing_and_loses_no_denial(stack, fleet_database):
    host, other, value = two_hosts(stack, fleet_database)
    fleet_database.admin.run(QUEUE_FULL)
    refused_and_in_force(host, other, value)
    fleet_database.admin.run("drop trigger queue_full on jeton.change")
    is_mended(host, other, value)


def test_full_disk_of_the_database_confirms_nothing_and_loses_no_denial(stack):
    need_postgresql()
    disk = small_disk("tmpfs", "160M")
    directory = f"{disk}/pg"
    os.mkdir(directory)
    for passed in os.path.dirname(disk), disk:
        os.chmod(passed, 0o755)
    os.chown(directory, *owner()[1:])
    cluster = stack.enter_context(Cluster(directory, max_wal_size="32MB"))
    fleet = stack.enter_context(FleetDatabase(cluster))
    host, other, value = two_hosts(stack, fleet)
    fill(f"{directory}/ballast")
    with cluster.connect(fleet.name) as session:
        with pytest.raises(DatabaseError):          # also what is left in pages and in the log
            session.run("create table full_up as select n, repeat('x', 1000) from generate_series(1, 300000) n")
    host.revoke(value)
    assert host.verdict(value) == "NO revoked", "in force, whatever the database says"
    os.unlink(f"{directory}/ballast")
    eventually(lambda: goes_on(cluster), "the database answers", 30)
    is_mended(host, other, value)


def goes_on(cluster):
    """True if the database answers; where its log had no space it ends, perhaps not at once, and does not go on by itself."""
    try:
        return cluster.answers()
    except AssertionError:
        return cluster.start() is not None
