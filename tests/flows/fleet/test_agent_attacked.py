# SPDX-License-Identifier: Apache-2.0
"""Those that an agent meets and that mean it ill: other roles of the database, other users of the host, servers that hang."""
import glob
import os
import subprocess
import sys
import time

import pytest

from fleet_agent import Agent, answer, caught_up, create, denial, following, newest, run
from fleet_postgres import NOW, FleetDatabase, deny, digest_of, put
from libpq import DatabaseError
from postgres import Cluster, need_postgresql, programs
from scripted_agent import FLEET
from waiting import eventually


# -- other roles ---------------------------------------------------------------------------------

def test_notifications_do_not_hurry_an_agent_that_waits_something_out(fleet_database, fake_jetond):
    """Else any role would have each of them read the whole database ten times a second."""
    put(fleet_database.join("h2", "web", issuer=True), digest_of(1))
    fleet_database.join("h1", "web")
    forger = fleet_database.join("h3", "db")
    fleet_database.admin.run("update jeton.token set words = 'group=web created=yesterday'")
    began = time.monotonic()
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: "cannot be understood" in agent.log(), "it says so")
        while (looked := agent.log().count("> snapshot")) < 2 or time.monotonic() - began < 2.5:
            forger.run("notify jeton")
            time.sleep(0.02)
        assert looked <= 2 + (time.monotonic() - began) / 3, "it waits for 1 s, 2 s, 4 s"


ODD = [
    {"created": 0}, {"created": 253402300799}, {"expires": 0}, {"activates": NOW, "expires": NOW}, {"activates": 0, "expires": 0}, {"activates": 253402300799}, {"expires": 1}, {"by": None},
    {"by": 4294967295}, {"subject": ""}, {"subject": "\x01\n\t\x7f\x85\"\\"}, {"subject": "\U0010ffff" * 64}, {"subject": "\u202e\u2028\ufeff"},
    {"description": "\x1f" * 1024}, {"description": "\x85" * 512}, {"description": "\r\n"}, {"scopes": ""}, {"scopes": ",".join(["*" * 64] * 32)},
    {"scopes": ",".join(f"{n:064}" for n in range(32))}, {"scopes": "a:*,*,:,/"}, {"replaces": bytes(10)}, {"state": "revoked"}, {"state": "disabled"},
    {"subject": " "}, {"subject": "a=b c=d"}, {"subject": "é" * 128, "description": "\n" * 1024, "scopes": ",".join(f"{n:064}" for n in range(32)), "replaces": b"r" * 10},
]


def test_whatever_an_issuer_can_put_stops_no_host(fleet_database, daemon):
    """The database refuses it, or every host takes it: in changes as in a snapshot."""
    issuer = fleet_database.join("h2", "web", issuer=True)
    fleet_database.join("h1", "web")
    deny(issuer, digest_of(1))
    hosts = [daemon(roles=FLEET), daemon(roles=FLEET)]
    with Agent(fleet_database.conninfo("h1"), hosts[0].path("fleet"), "fleet.lease=5s") as follower:
        eventually(lambda: hosts[0].stats()["fleet_lease_seconds"] != "0", "a lease")
        for number, more in enumerate(ODD, 2):
            try:
                put(issuer, digest_of(number), **{"created": NOW, **more})
            except DatabaseError as error:
                assert error.sqlstate == "J0008", (more, error)
        eventually(lambda: int(hosts[0].stats()["fleet_serial"]) == newest(fleet_database), "all changes", within=20)
        assert "stuck" not in follower.log()
        tokens = hosts[0].stats()["fleet_tokens"]
    with Agent(fleet_database.conninfo("h1"), hosts[1].path("fleet"), "fleet.lease=5s") as reader:
        eventually(lambda: hosts[1].stats()["fleet_lease_seconds"] != "0", "a lease", within=20)
        assert "stuck" not in reader.log() and hosts[1].stats()["fleet_tokens"] == tokens


def test_full_queue_of_notifications_stops_no_change(fake_jetond):
    """A role that listens and keeps a transaction open lets it grow; hosts then ask each second."""
    need_postgresql()
    if "/15/" in programs() or "/16/" in programs():
        pytest.skip("the queue of this PostgreSQL cannot be made small")
    with Cluster() as cluster, FleetDatabase(cluster) as fleet:
        fleet.admin.run("alter system set max_notify_queue_pages = 64")
        fleet.admin.close()
        cluster.restart()
        fleet.admin = fleet.connect()
        fleet.join("h1", "web", issuer=True)
        listener, forger = fleet.join("h2", "db"), fleet.connect("h2")
        listener.run("listen other")
        listener.run("begin; select 1")
        with pytest.raises(Exception, match="too many notifications"):
            for n in range(1000):
                forger.ask(f"select pg_notify('other', repeat('x', 7000) || {n})")
        with following(fleet.conninfo("h1"), fake_jetond):
            assert answer(fake_jetond, fake_jetond.offer(denial(1)))[0] == "done"
            caught_up(fleet, fake_jetond)
        listener.run("rollback")


def test_change_that_fails_at_its_commit_is_not_done_and_the_connection_stays(fleet_database, fake_jetond):
    fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("""create function jeton.refuse() returns trigger language plpgsql as $$ begin
        if new.by_uid = 1000 then raise exception 'no' using errcode = '53100'; end if; return null; end $$;
        create constraint trigger refuse after insert on jeton.token deferrable initially deferred for each row execute function jeton.refuse()""")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        what, values = answer(fake_jetond, fake_jetond.offer(create(1)))
        assert (what, values["code"]) == ("failed", "unavailable")
        assert answer(fake_jetond, fake_jetond.offer(create(2).replace("uid:1000", "uid:1")))[0] == "done"
        assert agent.log().count("database: connected") == 1


# -- servers ---------------------------------------------------------------------------------------

def test_server_that_ends_each_session_is_not_asked_again_at_once_for_ever(fleet_database, fake_jetond):
    put(fleet_database.join("h2", "web", issuer=True), digest_of(1))
    fleet_database.join("h1", "web")
    fleet_database.admin.run("revoke select on jeton.snapshot from jeton_host")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path) as agent:
        eventually(lambda: agent.log().count("database: connected") >= 3, "it tries again")
        began, before = time.monotonic(), agent.log().count("database: connected")
        time.sleep(2)
        connected = agent.log().count("database: connected") - before
        assert connected <= 3 + time.monotonic() - began, connected


def test_confirm_all_without_a_count_says_no_count(fleet_database, fake_jetond):
    """`seen=0 hosts=0` would be read as: on all of them."""
    fleet_database.join("h1", "web", issuer=True)
    fleet_database.admin.run("revoke execute on function jeton.confirmed from jeton_host")
    with following(fleet_database.conninfo("h1"), fake_jetond):
        what, values = answer(fake_jetond, fake_jetond.offer(denial(1, more=" confirm=all wait=1s")))
        assert what == "done" and not {"seen", "hosts"} & set(values), values


@pytest.mark.slow
def test_snapshot_that_hangs_holds_up_neither_a_change_nor_the_agent(fleet_database, fake_jetond):
    put(fleet_database.join("h1", "web", issuer=True), digest_of(1))
    with fleet_database.connect() as locker:
        locker.run("begin; lock table jeton.token in access exclusive mode")
        with Agent(fleet_database.conninfo("h1"), fake_jetond.path, "fleet.lease=5s") as agent:
            eventually(lambda: "> snapshot" in agent.log(), "it begins")
            what, values = answer(fake_jetond, fake_jetond.offer(create(2)))
            assert (what, values["code"]) == ("failed", "unavailable") and "fetching" in values["message"]
            eventually(lambda: "does not answer" in agent.log(), "it gives the connection up", within=30)
            locker.run("rollback")
            eventually(lambda: fake_jetond.lease() > 0, "a lease", within=20)


def test_schema_that_does_not_fit_is_not_taken_for_a_primary_that_is_cut_off(fleet_database, fake_jetond):
    fleet_database.join("h1", "web")
    fleet_database.admin.run("insert into jeton.version values (9, 'later')")
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path, "fleet.lease=5s") as agent:
        eventually(lambda: "schema is of version 9" in agent.log(), "it says so")
        time.sleep(6.2)
        assert "confirmed no beat" not in agent.log() and agent.log().count("database: connected") == 1


# -- this host -------------------------------------------------------------------------------------

HOLD = "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0' + sys.argv[1]); s.listen(1); print(1, flush=True); time.sleep(60)"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_other_user_who_holds_the_lock_stops_no_agent(fleet_database, fake_jetond):
    """Names of abstract sockets are anybody's."""
    fleet_database.join("h1", "web")
    with following(fleet_database.conninfo("h1"), fake_jetond) as agent:
        own = {os.readlink(path) for path in glob.glob(f"/proc/{agent.pid}/fd/*")}
        with open("/proc/net/unix", encoding="utf-8") as sockets:
            (name,) = (words[7][1:] for words in map(str.split, sockets) if f"socket:[{words[6]}]" in own and words[7:] and words[7].startswith("@jeton-fleet/"))
    with subprocess.Popen([sys.executable, "-c", HOLD, name], stdout=subprocess.PIPE, user=65534) as holder:
        assert holder.stdout.readline() == b"1\n"
        with Agent(fleet_database.conninfo("h1"), fake_jetond.path, "fleet.lease=5s") as agent:
            assert "another user holds the lock" in agent.log()
        holder.kill()


@pytest.mark.parametrize("database", ["host=db password=hunter2 hunter3", "postgresql://me:hunter2@db:hunter3/x", "host=db 'hunter2 password=hunter3",
                                      "postgresql://me:hunter2%zzhunter3@db/x", "dbname=jeton user\"hunter2", "password=my \"hunter2\" hunter3",
                                      "postgresql://me:my@hunter2@db/x", "postgresql://me:12/hunter2@db/x"])
def test_connection_string_that_is_none_is_refused_and_not_shown(database):
    """There may be a password in it."""
    done = run("--set", f"fleet.database={database}", "check")
    assert done.returncode == 2 and "no connection string" in done.stderr
    assert "hunter" not in done.stderr + done.stdout


def test_requests_whose_answers_jetond_does_not_take_are_not_lost(fleet_database, fake_jetond):
    """A jetond whose disk stands still takes none for a while."""
    session = fleet_database.join("h1", "web", issuer=True)
    with following(fleet_database.conninfo("h1"), fake_jetond):
        fake_jetond.delay = 1.5
        put(session, digest_of(1))
        requests = fake_jetond.offer_all([denial(n, ("revoke", "disable")[n % 2]) for n in range(300)])     # each is one for itself
        eventually(lambda: fake_jetond.serial > 2, "the batch is saved")
        fake_jetond.delay = 0
        eventually(lambda: all(request in fake_jetond.answered for request in requests), "all are answered", within=15)
        assert {what for what, _ in fake_jetond.answered.values()} == {"done"}
