# SPDX-License-Identifier: Apache-2.0
"""What the agent does when something is wrong, and what it says then."""
import os
import signal
import tempfile
import time

from fleet_agent import Agent, answer, caught_up, create, denial, following, run
from fleet_link import Link
from fleet_postgres import FleetDatabase, deny, digest_of, put
from postgres import Cluster, need_postgresql
from waiting import eventually


def through(fleet, link, **more):
    return fleet.conninfo("h1", host=link.directory, **more)


def link_to(fleet):
    return Link(tempfile.mkdtemp(), fleet.cluster.directory)


# -- standbys --------------------------------------------------------------------------------------

def waiting_for_a_standby(fleet):
    """Return the statements of h1 that wait: (session, when it began)."""
    return set(fleet.admin.ask("select pid, query_start::text from pg_stat_activity where usename = 'h1' and wait_event = 'SyncRep'"))


def cancel_once(fleet, cancelled):
    """Cancel each wait for a standby once: a session may be slow to notice, and what comes again would meet its next statement."""
    for wait in waiting_for_a_standby(fleet) - cancelled:
        cancelled.add(wait)
        fleet.admin.ask("select pg_cancel_backend($1)", wait[0])


def test_cancelled_wait_for_a_standby_confirms_neither_a_change_nor_a_beat(fake_jetond):
    need_postgresql()
    with Cluster() as cluster, FleetDatabase(cluster) as fleet:
        fleet.join("h1", "web", issuer=True)
        with following(fleet.conninfo("h1"), fake_jetond):
            cluster.require_standby("nobody")
            fleet.admin.run("set synchronous_commit = local")
            request, cancelled = fake_jetond.offer(create(1)), set()
            while request not in fake_jetond.answered:
                cancel_once(fleet, cancelled)
                time.sleep(0.02)
            assert fake_jetond.answered[request][1]["code"] == "not-confirmed"
            until = max(lease[1] for lease in fake_jetond.leases)
            began = time.monotonic()
            while time.monotonic() - began < 2:         # polls make beats, whose waits are cancelled
                cancel_once(fleet, cancelled)
                time.sleep(0.02)
            assert max(lease[1] for lease in fake_jetond.leases) < until + 1.5e9, "a beat that nobody confirmed gave a lease"
            cluster.require_standby("")
            assert answer(fake_jetond, fake_jetond.offer(create(2)))[0] == "done"


def test_agents_that_are_killed_while_they_wait_for_a_standby_leave_the_next_one_its_connections(fake_jetond):
    """PostgreSQL does not notice that their clients are gone, and a host may have two."""
    need_postgresql()
    with Cluster() as cluster, FleetDatabase(cluster) as fleet:
        fleet.join("h1", "web", issuer=True).close()
        with following(fleet.conninfo("h1"), fake_jetond) as agent:
            cluster.require_standby("nobody")
            request, before = fake_jetond.offer(denial(1)), set()
            for _ in range(4):
                waits = eventually(lambda: waiting_for_a_standby(fleet) - before, "it waits", 20)
                agent.kill()
                assert waits <= waiting_for_a_standby(fleet), "its session stays"
                before |= waits     # the next agent ends it, which may take a moment
                agent.spawn()
                eventually(lambda: waiting_for_a_standby(fleet) - before, "the next one takes the denial", 20)
            assert "too many connections" not in agent.log()
            cluster.require_standby("")
            assert answer(fake_jetond, request, 20)[0] == "done"


def test_primary_whose_standbys_are_silent_is_left_for_the_next_server(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with link_to(fleet_database) as one, link_to(fleet_database) as two:
        hosts = f"{one.directory},{two.directory}"
        with following(fleet_database.conninfo("h1", host=hosts), fake_jetond) as agent:
            assert one.sockets and not two.sockets
            fleet_database.admin.run("revoke execute on function jeton.confirm(bigint) from jeton_host")
            eventually(lambda: two.sockets, "it tries the other one", within=15)
            assert "has confirmed no beat" in agent.log()


# -- notifications ---------------------------------------------------------------------------------

def test_forged_notifications_are_never_data_and_do_not_slow_it_down(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    forger = fleet_database.join("h2", "db")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        for n in range(2000):
            forger.ask(f"select pg_notify('jeton', 'put digest={digest_of(n).hex()} group=web created=2027-01-15T08:00:00Z')")
        deny(issuer, digest_of(1))
        caught_up(fleet_database, fake_jetond)
        assert fake_jetond.state(digest_of(1).hex()) == "revoked" and len(fake_jetond.banned) == 1 and not fake_jetond.tokens


def test_listener_that_hears_nothing_says_so_and_polls(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    with link_to(fleet_database) as link:
        link.deaf = True
        with following(through(fleet_database, link), fake_jetond) as agent:
            eventually(lambda: "notifications do not come" in agent.log(), "it says so")
            deny(issuer, digest_of(1))
            caught_up(fleet_database, fake_jetond)


# -- connections -----------------------------------------------------------------------------------

def test_network_that_passes_nothing_on_is_noticed_and_a_new_connection_made(fleet_database, fake_jetond):
    issuer = fleet_database.join("h1", "web", issuer=True)
    with link_to(fleet_database) as link:
        with following(through(fleet_database, link), fake_jetond) as agent:
            link.stopped.clear()
            deny(issuer, digest_of(1))
            eventually(lambda: fake_jetond.lease() == 0, "the lease ends")
            eventually(lambda: "does not answer" in agent.log(), "it is noticed", within=25)
            link.stopped.set()
            eventually(lambda: fake_jetond.lease() > 0, "a lease again")
            caught_up(fleet_database, fake_jetond)


def test_too_many_connections_are_said_once_and_waited_out(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    sessions = [fleet_database.connect("h1")]
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: agent.log().count("too many connections"), "it says so")
        time.sleep(1)
        assert agent.log().count("too many connections") == 1
        for session in sessions:
            session.close()
        eventually(lambda: fake_jetond.lease() > 0, "a lease", within=20)


def test_second_agent_of_a_host_refuses_to_run(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        other = run("--set", f"fleet.socket={fake_jetond.path}", "--set", f"fleet.database={fleet_database.conninfo('h1')}")
        assert other.returncode == 1 and "another jeton-fleet runs" in other.stderr


def test_database_whose_server_restarts_is_found_again(fake_jetond):
    need_postgresql()
    with Cluster() as cluster, FleetDatabase(cluster) as fleet:
        fleet.join("h1", "web", issuer=True).close()
        with following(fleet.conninfo("h1"), fake_jetond):
            fleet.admin.close()
            cluster.restart()
            fleet.admin = fleet.connect()
            put(fleet.connect("h1"), digest_of(1))
            caught_up(fleet, fake_jetond)


# -- schemas ---------------------------------------------------------------------------------------

def test_schema_of_the_next_version_is_taken_and_of_a_later_one_gives_no_lease(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    fleet_database.admin.run("insert into jeton.version values (2, 'next')")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        fleet_database.admin.run("insert into jeton.version values (3, 'later')")
        eventually(lambda: "schema is of version 3" in agent.log(), "it says so")
        count = len(fake_jetond.leases)
        time.sleep(1.5)
        assert len(fake_jetond.leases) == count and agent.log().count("schema is of version 3") == 1


def test_database_without_the_schema_is_said_with_what_mends_it(fleet_database, fake_jetond):
    with Agent(fleet_database.cluster.conninfo("postgres"), fake_jetond.path) as agent:
        eventually(lambda: "jeton fleet init" in agent.log(), "it says so")


def test_role_that_is_no_host_is_said_with_what_mends_it(fleet_database, fake_jetond):
    role = f"none_{fleet_database.name}"
    fleet_database.admin.run(f"create role {role} login; grant connect on database {fleet_database.name} to {role}")
    with Agent(fleet_database.conninfo(role), fake_jetond.path) as agent:
        eventually(lambda: "jeton fleet join" in agent.log(), "it says so")
    fleet_database.admin.run(f"drop owned by {role}; drop role {role}")


# -- signals ---------------------------------------------------------------------------------------

def test_agent_that_slept_gives_no_lease_that_is_longer(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        os.kill(agent.pid, signal.SIGSTOP)
        until = fake_jetond.until
        time.sleep(1.5)
        os.kill(agent.pid, signal.SIGCONT)
        eventually(lambda: fake_jetond.until > until, "leases go on")
    for came, end, _ in fake_jetond.leases:
        assert end <= (came + 5) * 1e9


def test_lease_that_jetond_is_too_busy_to_take_is_given_again_soon(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    fake_jetond.busy = 10
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        assert fake_jetond.busy == 0 and "does not take the lease" not in agent.log()
