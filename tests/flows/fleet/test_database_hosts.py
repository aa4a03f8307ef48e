# SPDX-License-Identifier: Apache-2.0
"""Who is of the fleet, how far each host is, and how it proves who it is."""
import os
import shutil
import subprocess

import pytest

from fleet_postgres import deny, digest_of, feed, put
from libpq import DatabaseError
from ports import free_port
from postgres import Cluster, migrate, need_postgresql, owner


def report(session, place, error=None):
    session.ask("select jeton.seen($1, $2, '0.1.0', 59000, 2, $3)", *place, error)


def test_a_change_is_in_force_where_hosts_of_its_group_have_reported_its_place_or_a_later_one(fleet_database):
    one, two, three = (fleet_database.join(name, "web", issuer=True) for name in ("one", "two", "three"))
    fleet_database.join("silent", "web")
    other = fleet_database.join("other", "db", issuer=True)
    early, place = put(one, digest_of(1)), deny(one, digest_of(1))
    report(one, place)
    report(two, early)
    report(three, (place[0], "0" * 32))
    report(other, place)
    confirmed = "select seen, hosts, missing from jeton.confirmed($1, 'web')"
    assert one.row(confirmed, place[0]) == (1, 3, "{three,two}"), "three is in another history"
    report(two, put(one, digest_of(2)))
    assert one.row(confirmed, place[0]) == (2, 3, "{three}")
    fleet_database.admin.run("update jeton.seen set at = at - interval '25 hours' where host = 'three'")
    assert one.row(confirmed, place[0]) == (2, 2, "{}")
    fleet_database.admin.ask("select jeton.leave('two')")
    assert one.row(confirmed, place[0]) == (1, 1, "{}")


def test_hosts_are_listed_with_what_they_reported(fleet_database):
    one, two = fleet_database.join("one", "web", "db", issuer=True), fleet_database.join("two", "web")
    fleet_database.admin.ask("select jeton.join('away', '{db}', false)")
    fleet_database.join("foreign", "mail")
    place = put(one, digest_of(1))
    put(one, digest_of(2))
    report(one, place, "x" * 600)
    rows = "select host, groups, issuer, serial, behind, lease_ms, version, rewinds, length(error), connected, age < 60 from jeton.hosts order by host"
    expected = {"away": ("away", "{db}", False, None, place[0] + 1, None, None, None, None, False, None),
                "foreign": ("foreign", "{mail}", False, None, place[0] + 1, None, None, None, None, True, None),
                "one": ("one", "{db,web}", True, place[0], 1, 59000, "0.1.0", 2, 500, True, True),
                "two": ("two", "{web}", False, None, place[0] + 1, None, None, None, None, True, None)}
    assert fleet_database.admin.ask(rows) == list(expected.values())
    assert one.ask(rows) == [expected["away"], expected["one"], expected["two"]]
    assert two.ask(rows) == [("one", "{web}", *expected["one"][2:]), expected["two"]], "groups that it has not are not shown"


def test_session_of_nobody_makes_no_host_unknown(fleet_database):
    """Neither what PostgreSQL does by itself nor a session whose role was dropped has a name."""
    fleet_database.join("here", "web")
    admin = fleet_database.admin
    admin.ask("select jeton.join('away', '{web}', false)")
    admin.ask("create role dropped superuser login")
    fleet_database.connect("dropped")
    admin.ask("drop role dropped")
    assert admin.value("select count(*) from pg_stat_activity where datname = current_database() and usename is null") >= 1
    assert admin.ask("select host, connected from jeton.hosts order by host") == [("away", False), ("here", True)]


def test_a_host_whose_groups_change_is_told_and_nobody_else(fleet_database):
    one, two = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "db")
    put(one, digest_of(1))
    fleet_database.admin.ask("select jeton.join('two', '{web,db}', false)")
    serial, nonce, event, digest, claims = feed(two)[-1]
    assert (event, digest, claims) == ("groups", None, "groups=db,web")
    assert feed(one)[-1] == (serial, nonce, "groups", None, None)
    assert [row[0] for row in two.ask("select digest from jeton.snapshot")] == [digest_of(1)]
    fleet_database.admin.ask("select jeton.join('two', '{db,web}', false)")
    assert feed(two)[-1][0] == serial, "the same groups are no change"
    fleet_database.admin.ask("select jeton.join('two', '{db}', false)")
    assert feed(two)[-1][4] == "groups=db" and two.ask("select digest from jeton.snapshot") == []


def test_the_use_of_a_token_is_noted_if_it_is_an_hour_newer(fleet_database):
    one = fleet_database.join("one", "web", issuer=True)
    put(one, digest_of(1))
    began = 1_700_000_000

    def touch(time, *more):
        return one.value("select jeton.touch($1, $2)", [digest_of(1), *more], [time] * (1 + len(more)))
    assert touch(began) == 1 and touch(began + 3599) == 0 and touch(began - 5) == 0
    assert touch(began + 3600) == 1 and fleet_database.admin.value("select at from jeton.used") == began + 3600
    assert touch(4_000_000_000) == 0, "of the future"
    assert touch(began + 9000, digest_of(2), digest_of(1)) == 1
    assert one.refusal("select jeton.touch($1, $2)", [digest_of(1)], []).sqlstate == "J0008"


def test_noted_uses_that_are_not_committed_stop_neither_revocations_nor_other_hosts(fleet_database):
    one, two = fleet_database.join("one", "web", issuer=True), fleet_database.join("two", "web")
    put(one, digest_of(1))
    two.run("begin")
    two.ask("select jeton.touch($1, $2)", [digest_of(1)], [1_700_000_000])
    one.run("set statement_timeout = '20s'")
    assert one.value("select jeton.touch($1, $2)", [digest_of(1)], [1_700_000_000]) == 0
    deny(one, digest_of(1))
    two.run("commit")


# -- certificates ---------------------------------------------------------------------------------


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def authority(directory, name):
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.crt")


def certificate(directory, ca, file, name):
    openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName=DNS:{name}", "-keyout", f"{file}.key", "-out", f"{file}.csr")
    openssl(directory, "x509", "-req", "-in", f"{file}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-copy_extensions", "copy",
            "-out", f"{file}.crt")


@pytest.fixture
def network(tmp_path):
    """A cluster that hosts reach by TCP, with certificates, as the chapter on fleets says; returns how to connect."""
    need_postgresql()
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    for ca in "fleet-ca", "other-ca":
        authority(tmp_path, ca)
    for ca, file, name in (("fleet-ca", "server", "localhost"), ("fleet-ca", "web1", "web1.fleet.example"), ("fleet-ca", "db1", "db1.fleet.example"),
                           ("fleet-ca", "admin", "postgres"), ("other-ca", "forged", "web1.fleet.example")):
        certificate(tmp_path, ca, file, name)
    cluster = Cluster(listen_addresses="127.0.0.1", ssl="on", ssl_cert_file="server.crt", ssl_key_file="server.key", ssl_ca_file="fleet-ca.crt",
                      port=str(free_port()))
    for name in "server.crt", "server.key", "fleet-ca.crt":
        shutil.copy(tmp_path / name, cluster.data)
        os.chown(f"{cluster.data}/{name}", *owner()[1:])
    os.chmod(f"{cluster.data}/server.key", 0o600)
    for name, text in (("pg_hba.conf", "local all postgres trust\nhostssl fleet +jeton_host 127.0.0.1/32 cert map=fleet\n"),
                       ("pg_ident.conf", "fleet /^([a-z0-9-]+)\\.fleet\\.example$ \\1\n")):
        with open(f"{cluster.data}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    with cluster:
        yield cluster


def test_a_host_proves_its_name_by_its_certificate_and_the_server_its_own(network, tmp_path):
    network.create("fleet")
    with network.connect("fleet") as admin:
        migrate(admin)
        for host in "web1", "db1":
            admin.ask("select jeton.join($1, '{web}', false)", host)

    def connect(user, file, **more):
        parameters = {"host": "localhost", "hostaddr": "127.0.0.1", "sslmode": "verify-full",
                      "sslrootcert": f"{tmp_path}/fleet-ca.crt", "sslcert": f"{tmp_path}/{file}.crt", "sslkey": f"{tmp_path}/{file}.key"} | more
        return network.connect("fleet", user, **parameters)
    with connect("web1", "web1") as session:
        assert session.value("select session_user") == "web1"
        assert session.value("select ssl from pg_stat_ssl where pid = pg_backend_pid()") is True
        assert session.row("select known from jeton.poll(null, null)") == (False,)
    for user, file, more, why in (("web1", "db1", {}, "certificate authentication failed"), ("web1", "forged", {}, ""),
                                  ("postgres", "admin", {}, "no pg_hba.conf entry"), ("jeton_owner", "web1", {}, "no pg_hba.conf entry"),
                                  ("web1", "none", {}, "certificate"), ("web1", "web1", {"sslrootcert": f"{tmp_path}/other-ca.crt"}, "certificate verify failed"),
                                  ("web1", "web1", {"host": "database.example"}, "does not match host name"),
                                  ("web1", "web1", {"sslmode": "disable"}, "no pg_hba.conf entry")):
        with pytest.raises(DatabaseError, match=why):
            connect(user, file, **more)
