# SPDX-License-Identifier: Apache-2.0
"""pam_jeton in programs that are not ours: PostgreSQL and OpenSSH."""
import contextlib
import glob
import os
import socket
import subprocess
import tempfile

import pytest

from initialised import initdb
from pam_stack import (MODULE, asks, logged, module_for_others, need_module, need_program,
                       service_files, sweep, wrapped)
from ports import free_port
from requirements import need_plain_build, need_root
from settings import PATIENCE
from waiting import eventually

NOBODY = 65534
DEADLINE = 120


@contextlib.contextmanager
def running(arguments, log, **how):
    """Run a program of ours in the foreground, and end it with the block."""
    with open(log, "wb") as file:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                   **how)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        sweep(text_of(log))


def text_of(path):
    with open(path, errors="replace") as file:
        return file.read()


# -- PostgreSQL ----------------------------------------------------------------------------------

class Cluster:
    """A private PostgreSQL, on a socket in a directory of its own; it does not run as root."""

    def __init__(self, services):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            pytest.skip("postgresql is not installed")
        self.programs = os.path.dirname(found[-1])
        self.directory = tempfile.mkdtemp(prefix="pg")
        self.log = f"{self.directory}/log"
        self.owner = {}
        if os.geteuid() == 0:
            self.owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.directory, NOBODY, NOBODY)
            os.chmod(os.path.dirname(self.directory), 0o755)
        self.environment = wrapped(service_files(services)) | {"TMPDIR": self.directory}
        initdb(self.programs, f"{self.directory}/data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync",
               cwd="/", **self.owner)

    def rules(self, text):
        with open(f"{self.directory}/data/pg_hba.conf", "w") as file:
            file.write(text)

    def running(self):
        return running([f"{self.programs}/postgres", "-D", f"{self.directory}/data",
                        "-k", self.directory, "-h", "", "-F"],
                       self.log, cwd="/", env=self.environment, **self.owner)

    def psql(self, role, password, command):
        """Return the exit status and the output of psql."""
        done = subprocess.run([f"{self.programs}/psql", "-XwAt", "-h", self.directory, "-U", role,
                               "-d", "postgres", "-c", command], capture_output=True, text=True,
                              env=os.environ | {"PGPASSWORD": password}, cwd="/",
                              timeout=60 * PATIENCE)
        return done.returncode, (done.stdout + done.stderr).strip()


@pytest.mark.timeout(DEADLINE)
def test_postgresql_role_logs_in_with_a_token_until_it_is_revoked(daemon):
    need_plain_build()
    need_module()
    d = daemon("verify.mode=0666")
    os.chmod(d.directory, 0o755)
    cluster = Cluster({"database": asks(d, "scope=sql").replace(MODULE, module_for_others())})
    cluster.rules("local all owner trust\nlocal all all pam pamservice=database\n")
    with cluster.running():
        eventually(lambda: cluster.psql("owner", "", "select 1")[0] == 0, "it answers", 60)
        assert cluster.psql("owner", "", "create role ann login; create role bob login")[0] == 0
        good = d.create(subject="ann", scopes="sql")
        poor = d.create(subject="ann")

        def log_in(role, password):
            status, output = cluster.psql(role, password, "select current_user")
            assert (status, output) == (0, role) or "PAM authentication failed" in output or \
                "password" in output, output
            return status == 0
        for role, password, wanted in (
                ("ann", good["token"], True), ("bob", good["token"], False),
                ("ann", poor["token"], False), ("ann", "", False), ("ann", "wrong", False),
                ("ann", good["id"], False), ("ann", "x" * 600, False)):
            assert log_in(role, password) == wanted, (role, password)
        d.done(f"revoke {good['id']}")
        assert not log_in("ann", good["token"]), "revoked"
        again = d.create(subject="ann", scopes="sql")
        assert log_in("ann", again["token"])
        d.kill()
        assert not log_in("ann", again["token"]), "no daemon"
        d.start()
        assert log_in("ann", again["token"])
    output = text_of(cluster.log)
    assert (6, f"user ann, token {good['id']}: accepted") in logged(output), output[-4000:]
    assert good["token"] not in output


# -- OpenSSH -------------------------------------------------------------------------------------

SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {directory}/key
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
PubkeyAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
PidFile none
UseDNS no
LogLevel VERBOSE
"""
PRIVILEGE_SEPARATION = "/run/sshd"      # where Debian's sshd wants its children to be rooted


@contextlib.contextmanager
def directory_there(path):
    """Make a directory, and remove it again unless it existed before."""
    made = not os.path.isdir(path)
    if made:
        os.mkdir(path, 0o755)
    try:
        yield
    finally:
        if made:
            os.rmdir(path)


class Server:
    """An sshd on a port of its own that gives an sftp session to those it accepts."""

    def __init__(self, services):
        self.program = need_program("sshd", "openssh-server")
        self.client = need_program("ssh", "openssh-client")
        self.environment = wrapped(service_files(services))
        self.directory = tempfile.mkdtemp(prefix="ssh")
        self.log = f"{self.directory}/log"
        self.port = free_port()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        f"{self.directory}/key"], check=True)
        with open(f"{self.directory}/config", "w") as file:
            file.write(SSHD.format(port=self.port, directory=self.directory))
        with open(f"{self.directory}/password", "w") as file:
            file.write('#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n')
        os.chmod(f"{self.directory}/password", 0o755)

    def running(self):
        arguments = [self.program, "-D", "-e", "-f", f"{self.directory}/config"]
        patient = ["-o", "PerSourcePenalties=no"]       # OpenSSH 9.8 and later
        if subprocess.run([*arguments, *patient, "-t"], capture_output=True).returncode == 0:
            arguments += patient
        return running(arguments, self.log, env=self.environment)

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def lets_in(self, user, password, method):
        done = subprocess.run(
            [self.client, "-F", "none", "-p", str(self.port), "-l", user,
             "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no",
             "-o", f"PreferredAuthentications={method}", "-o", "NumberOfPasswordPrompts=1",
             "-s", "127.0.0.1", "sftp"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=os.environ | {"SSH_ASKPASS": f"{self.directory}/password",
                              "SSH_ASKPASS_REQUIRE": "force", "PASSWORD": password},
            timeout=60 * PATIENCE)
        assert done.returncode == 0 or "Permission denied" in done.stderr, done
        return done.returncode == 0


@pytest.mark.timeout(DEADLINE)
def test_ssh_login_with_a_token_works_until_it_is_revoked(daemon):
    need_root()
    need_plain_build()
    d = daemon()
    server = Server({"sshd": asks(d) + "session required pam_permit.so\n"})
    with directory_there(PRIVILEGE_SEPARATION), server.running():
        eventually(server.answers, "sshd listens", 30)
        first = None
        for method in "password", "keyboard-interactive":
            good = d.create(subject="nobody")
            first = first or good
            for user, password, wanted in (
                    ("nobody", good["token"], True), ("daemon", good["token"], False),
                    ("nobody", "wrong", False), ("nobody", good["id"], False)):
                assert server.lets_in(user, password, method) == wanted, (method, user)
            d.done(f"revoke {good['id']}")
            assert not server.lets_in("nobody", good["token"], method), (method, "revoked")
    output = text_of(server.log)
    assert (6, f"user nobody, token {first['id']}: accepted") in logged(output), output[-4000:]
    assert first["token"] not in output and good["token"] not in output
