# SPDX-License-Identifier: Apache-2.0
"""Private clusters of PostgreSQL: in a directory of their own, on a socket there, gone at the end.

    with Cluster() as cluster:                  a copy of what initdb made, and a start: a tenth of a second
        cluster.create("fleet"); migrate(cluster, "fleet")
        with cluster.connect("fleet", "web1") as session: ...
        with cluster.standby() as standby: ...  a copy that follows; synchronous unless it is told otherwise

Roles log in by their names alone (trust).  Without `fsync=on` a cluster survives kills of its processes, not of the machine."""
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import in_memory
from initialised import initdb
from libpq import Connection, DatabaseError, conninfo_of
from settings import ROOT
from waiting import eventually

MISSING = "PostgreSQL is not installed: make deps-programs"
MIGRATIONS = os.path.join(ROOT, "plugin/fleet/sql")
TEMPLATE = "fleet_template"
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "listen_addresses": "", "max_connections": "100",
        "shared_buffers": "32MB", "min_wal_size": "2MB", "max_wal_size": "256MB", "autovacuum_naptime": "5s", "wal_level": "replica", "max_wal_senders": "6",
        "hot_standby_feedback": "off", "log_min_messages": "warning", "logging_collector": "off",
        "max_parallel_workers_per_gather": "0", "log_statement": "none"}


def programs():
    """Return the directory of the newest server's programs, or None."""
    found = [path for path in glob.glob("/usr/lib/postgresql/*/bin") if os.access(f"{path}/initdb", os.X_OK)]
    if found:
        return max(found, key=lambda path: int(re.search(r"/(\d+)/bin", path)[1]))
    initdb = shutil.which("initdb")
    return os.path.dirname(os.path.realpath(initdb)) if initdb else None


def need_postgresql():
    if programs() is None:
        import pytest           # the bench uses this module, too, and has no pytest
        pytest.skip(MISSING)


def owner():
    """Return who runs servers, as root must not: arguments of subprocess, and the uid and gid."""
    if os.geteuid() != 0:
        return {}, os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}, entry.pw_uid, entry.pw_gid


def new_directory():
    """Return a directory of the servers' user, below the test's own, which others may then pass through."""
    parent = in_memory.place()
    if os.path.basename(parent).startswith(in_memory.PREFIX):
        os.chmod(parent, 0o711)
    path = tempfile.mkdtemp(prefix="pg-", dir=parent)
    os.chown(path, *owner()[1:])
    return path


def migrations():
    return sorted(glob.glob(f"{MIGRATIONS}/[0-9]*.sql"))


def migrate(session):
    for path in migrations():
        with open(path, encoding="utf-8") as file:
            session.run(f"begin;{file.read()};commit")


class Cluster:
    """A running server, unless stopped.  `settings` are of postgresql.conf; `directory` has its data already."""

    settings = {}
    segment = "1"       # MiB of a file of the log: small ones are made sooner

    def __init__(self, directory=None, **settings):
        self.settings = FAST | settings
        self.directory = directory or new_directory()
        self.data = f"{self.directory}/data"
        self.process = None
        self.standbys = []
        if not os.path.exists(self.data):
            initdb(programs(), self.data, "-U", "postgres", "-A", "trust", "-N", f"--wal-segsize={self.segment}", "-E", "UTF8", "--locale=C.UTF-8",
                   cwd=self.directory, env=self.environment(), **owner()[0])

    def call(self, program, *arguments):
        """Run a program of PostgreSQL's as the servers' user."""
        done = subprocess.run([f"{programs()}/{program}", *arguments], capture_output=True, text=True, cwd=self.directory,
                              env=self.environment(), timeout=120, **owner()[0])
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def environment(self):
        return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PGHOST": self.directory, "PGUSER": "postgres"}

    # -- the server -----------------------------------------------------------------------------

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    def start(self):
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen([f"{programs()}/postgres", "-D", self.data, "-k", self.directory, *options], cwd=self.directory,
                                            env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **owner()[0])
        eventually(self.answers, "PostgreSQL answers", within=30, every=0.01)
        return self

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            with self.connect("postgres"):
                return True
        except DatabaseError:
            return False

    def log(self):
        with open(f"{self.directory}/log", errors="replace") as file:
            return file.read()

    def stop(self):
        """Shut down fast, with a checkpoint."""
        self.signal(signal.SIGINT)

    def kill(self):
        """End all processes at once, without a checkpoint; memory that they share is freed."""
        self.signal(signal.SIGQUIT)

    def signal(self, number):
        for pid in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.process.send_signal(number)
        self.process.wait(60)

    def restart(self):
        self.stop()
        return self.start()

    def end(self):
        for standby in self.standbys:
            standby.end()
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def children(self, kind=""):
        """Return the server's processes, of this kind: walreceiver, walsender …."""
        done = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(line.split()[0]) for line in done.stdout.splitlines() if kind in line]

    # -- databases ------------------------------------------------------------------------------

    def connect(self, database, user="postgres", **more):
        return Connection(self.conninfo(database, user, **more))

    def conninfo(self, database, user="postgres", **more):
        return conninfo_of({"host": self.directory, "port": self.settings.get("port", "5432"), "dbname": database, "user": user, "client_encoding": "UTF8", **more})

    def create(self, name, template="template0"):
        with self.connect("postgres") as session:
            session.run(f'create database "{name}" template "{template}"')

    def create_fleet(self, name):
        """Make a database with the schema; from the second on it is a copy, which has not the database's own rights."""
        with self.connect("postgres") as session:
            if not session.ask("select from pg_database where datname = $1", TEMPLATE):
                self.create(TEMPLATE)
                with self.connect(TEMPLATE) as fleet:
                    migrate(fleet)
            session.run(f'create database "{name}" template "{TEMPLATE}" strategy file_copy')
            session.run(f'revoke all on database "{name}" from public')
            session.run(f'grant connect on database "{name}" to jeton_owner, jeton_host, jeton_monitor')

    def drop(self, name):
        with self.connect("postgres") as session:
            session.run(f'drop database if exists "{name}" with (force)')

    def drop_role(self, name):
        with self.connect("postgres") as session:
            session.run(f'drop role "{name}"')

    # -- standbys -------------------------------------------------------------------------------

    def standby(self, synchronous=True, name="standby", **settings):
        """Copy this server, start the copy, and wait until it follows."""
        copy = Cluster.__new__(Cluster)
        copy.settings, copy.process, copy.standbys = FAST | settings, None, []
        copy.directory = new_directory()
        copy.data = f"{copy.directory}/data"
        self.call("pg_basebackup", "-D", copy.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                  conninfo_of({"host": self.directory, "user": "postgres", "application_name": name}))
        copy.start()
        self.standbys.append(copy)
        if synchronous:
            self.require_standby(name)
        with self.connect("postgres") as session:
            eventually(lambda: session.value("select count(*) from pg_stat_replication where application_name = $1 and state = 'streaming'"
                                             " and ($2 or sync_state <> 'async')", name, not synchronous), "the standby follows", within=30)
        return copy

    def require_standby(self, names):
        """Let commits wait for it; "": for none."""
        with self.connect("postgres") as session:
            session.run(f"alter system set synchronous_standby_names = '{names}'")
            session.run("select pg_reload_conf()")
            eventually(lambda: session.value("show synchronous_standby_names") == names, "the names of standbys are in force")

    def cut_off(self):
        """Stop, on a standby, what receives the log: the primary's commits wait from now on."""
        for pid in eventually(lambda: self.children("walreceiver"), "the standby receives"):
            os.kill(pid, signal.SIGSTOP)

    def join_again(self):
        for pid in self.children("walreceiver"):
            os.kill(pid, signal.SIGCONT)

    def promote(self):
        """Without what the stopped receiver was sent and has not read: if it is stopped, the server begins anew first."""
        stopped = [pid for pid in self.children("walreceiver") if is_stopped(pid)]
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        if stopped:
            eventually(lambda: "all server processes terminated; reinitializing" in self.log() and self.answers(), "the standby begins anew", within=30)
        with self.connect("postgres") as session:
            assert session.value("select pg_promote()")


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
