# SPDX-License-Identifier: Apache-2.0
"""What is below the hosts of a fleet: a PostgreSQL of its own, and links to it that can be cut.  demo_fleet uses it, too:
no pytest."""
import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time

from postgres import owner, programs

SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 30
shared_buffers = 16MB
wal_level = replica
hot_standby = on
max_wal_senders = 4
wal_keep_size = 64MB
synchronous_commit = remote_apply
log_line_prefix = '%m [%p] %u '
"""
WAIT = 30.0


def wait_for(condition, what, within=WAIT, pause=0.02):
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {within:.0f} s in vain: {what}")
        time.sleep(pause)
    return value


class Database:
    """One server, whose socket nobody else can reach."""

    def __init__(self, directory, name, settings="", port=5432):
        self.name, self.directory, self.settings, self.port = name, f"{directory}/{name}", settings, port
        self.bin = programs()
        if self.bin is None:
            raise RuntimeError("PostgreSQL is not installed: apt install postgresql")
        self.owner, *ids = owner()
        self.process = None
        os.mkdir(self.directory, 0o700)
        os.chown(self.directory, *ids)

    def run(self, *command):
        done = subprocess.run([f"{self.bin}/{command[0]}", *command[1:]], capture_output=True, text=True,
                              cwd="/", check=False, **self.owner)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {command[0]}: {done.stderr.strip()}")
        return done.stdout

    def sql(self, text, database="postgres"):
        return self.run("psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-h", self.directory, "-p", str(self.port), "-U", "admin",
                        "-d", database, "-c", text).strip()

    def create(self):
        self.run("initdb", "-D", f"{self.directory}/data", "-U", "admin", "-A", "trust", "-E", "UTF8",
                 "--no-locale", "--no-sync")
        self.configure()

    def copy(self, other):
        """Become a standby of the other, which runs."""
        shutil.rmtree(f"{self.directory}/data", ignore_errors=True)
        self.run("pg_basebackup", "-D", f"{self.directory}/data", "-R", "-X", "stream", "--checkpoint=fast",
                 "--no-sync", "-d", f"host={other.directory} user=admin application_name={self.name}")
        self.configure()

    def configure(self):
        with open(f"{self.directory}/data/postgresql.conf", "a", encoding="ascii") as file:
            file.write(SETTINGS.format(directory=self.directory) + f"port = {self.port}\n" + self.settings)

    def start(self):
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen([f"{self.bin}/postgres", "-D", f"{self.directory}/data"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, **self.owner)
        wait_for(self.answers, f"{self.name} starts; see {self.directory}/log")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended; see {self.directory}/log")
        with contextlib.suppress(RuntimeError):
            return self.sql("select 1") == "1"
        return False

    def stop(self, how="fast"):
        """End it in good order, or with `immediate`, as it would end in a crash."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(RuntimeError):
                self.run("pg_ctl", "stop", "-D", f"{self.directory}/data", "-m", how, "-w", "-t", "20")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            self.process.kill()
            self.process.wait()
        self.process = None

    def promote(self):
        self.run("pg_ctl", "promote", "-D", f"{self.directory}/data", "-w", "-t", "20")

    def confirm_by(self, standby):
        """From now on, answer a commit when the standby shows it, too; None: when it is saved here."""
        self.sql(f"alter system set synchronous_standby_names = '{f'ANY 1 ({standby.name})' if standby else ''}'")
        self.sql("select pg_reload_conf()")
        if standby:
            wait_for(lambda: self.sql("select count(*) from pg_stat_replication where sync_state = 'quorum'") == "1",
                     f"{standby.name} is a synchronous standby")


class Link:
    """A socket through which one host reaches a database.  While it is cut, nothing passes in either direction, and
    no connection ends: as where packets are dropped."""

    def __init__(self, directory, database):
        self.directory, self.database = directory, database
        self.whole = threading.Event()
        self.whole.set()
        os.mkdir(directory, 0o700)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(f"{directory}/.s.PGSQL.5432")
        self.listening.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listening.accept()
            threading.Thread(target=self.connect, args=(near,), daemon=True).start()

    def connect(self, near):
        self.whole.wait()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(f"{self.database.directory}/.s.PGSQL.5432")
        except OSError:
            near.close()
            return
        for pair in (near, far), (far, near):
            threading.Thread(target=self.pass_on, args=pair, daemon=True).start()

    def pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.whole.wait()
                target.sendall(data)
        for end in source, target:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
