# SPDX-License-Identifier: Apache-2.0
"""The agent in its sandbox connects as fleets do: over TCP and TLS, by a name, with a client certificate."""
import os
import subprocess
import tempfile

import pytest

import in_memory
from fleet_agent import caught_up, following, run
from fleet_postgres import FleetDatabase, deny, digest_of
from ports import free_port
from postgres import Cluster, need_postgresql, owner
from settings import SANITIZER
from waiting import eventually


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def certificates():
    """ca.pem, and a key and certificate of localhost and of the role h1."""
    directory = tempfile.mkdtemp()
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test fleet", cwd=directory)
    for name in "localhost", "h1":
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=directory)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out",
                f"{name}.pem", cwd=directory)
    return directory


def test_client_certificate_over_tls_works_in_the_sandbox(fake_jetond, certificates):
    need_postgresql()
    port = free_port()
    cluster = Cluster(listen_addresses="localhost", ssl="on", ssl_ca_file="ca.pem", ssl_cert_file="localhost.pem", ssl_key_file="localhost.key")
    cluster.settings["port"] = "5432"
    for name in "ca.pem", "localhost.pem", "localhost.key":
        with open(f"{certificates}/{name}", "rb") as source, open(f"{cluster.data}/{name}", "wb") as target:
            target.write(source.read())
        os.chown(target.name, *owner()[1:])
        os.chmod(target.name, 0o600)
    with open(f"{cluster.data}/pg_hba.conf", "w") as file:
        file.write("local all all trust\nhostssl all h1 all cert\n")
    cluster.settings["port"] = str(port)
    with open(f"{cluster.data}/postgresql.auto.conf", "a") as file:
        file.write(f"unix_socket_directories = '{cluster.directory}'\n")
    os.environ["PGPORT"] = str(port)
    with cluster, FleetDatabase(cluster) as fleet:
        fleet.join("h1", "web").close()
        database = (f"host=localhost port={port} dbname={fleet.name} user=h1 sslmode=verify-full sslrootcert={certificates}/ca.pem "
                    f"sslcert={certificates}/h1.pem sslkey={certificates}/h1.key")
        os.chmod(f"{certificates}/h1.key", 0o600)
        own = os.path.dirname(certificates)
        # libpq's message about a key has no end, which a sanitizer sees.
        if os.geteuid() == 0 and os.path.basename(own).startswith(in_memory.PREFIX) and not SANITIZER:
            os.chmod(own, 0o711)
            os.chmod(certificates, 0o711)
            other = run("hosts", "--database", database, user="nobody")
            assert other.returncode == 4 and other.stderr.endswith('h1.key": this user cannot read it\n')
        metrics = f"{tempfile.mkdtemp()}/fleet.prom"
        with following(database, fake_jetond, f"fleet.metrics={metrics}") as agent:
            deny(fleet.join("h2", "web", issuer=True), digest_of(1))
            caught_up(fleet, fake_jetond)
            for _ in range(2):                      # it can connect again from within
                count = agent.log().count("connected to localhost")
                fleet.admin.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'h1'")
                eventually(lambda count=count: agent.log().count("connected to localhost") > count, "it connects again")
            assert SANITIZER or "not protected" not in agent.log()
            with open(metrics) as file:
                assert "\njeton_fleet_agent_database_up " in file.read()
