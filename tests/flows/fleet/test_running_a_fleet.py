# SPDX-License-Identifier: Apache-2.0
"""What jeton-fleet(7) shows is tried: its certificates and the examples of configuration with a real PostgreSQL, its
alerts with Prometheus' own tool."""
import os
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

from documents import examples, plain, read
from fleet_database import Database, wait_for
from ports import free_port
from postgres import need_postgresql
from settings import PATIENCE

PAGE = "plugin/fleet/jeton-fleet.7"
EXAMPLES = "plugin/examples/fleet"


@pytest.fixture(name="place")
def fixture_place():
    """A directory that the user who runs PostgreSQL may enter, too."""
    need_postgresql()
    directory = tempfile.mkdtemp(prefix="")
    for path in directory, os.path.dirname(directory):
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | 0o011)
    return directory


def certificates(directory):
    """Make the certificates as the page does; and those of web2, of db2 and of a stranger's authority."""
    shown = "".join(example.text for example in examples(PAGE) if example.text.startswith("# openssl"))
    lines = re.sub(r"^# ", "", shown, flags=re.M)
    ours = f"mkdir -p {directory} && cd {directory}\n{lines}"
    other = re.sub(r"web1", "web2", lines[lines.index("openssl req -newkey", lines.index("server.crt")):])
    other = re.sub(r"fleet\.(key|crt)", r"web2.\1", other)
    done = subprocess.run(["sh", "-ec", f"{ours}\n{other}\nmkdir stranger\ncd stranger\n{lines}"], capture_output=True,
                          text=True, timeout=30 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return directory


class Server:
    """PostgreSQL with the example files, but for places and sizes of this machine."""

    def __init__(self, directory):
        self.keys, self.port = certificates(f"{directory}/keys"), free_port()
        self.database = Database(directory, "db1", self.settings(), self.port)
        self.database.create()
        for name in "pg_hba.conf", "pg_ident.conf":
            text = read(f"{EXAMPLES}/{name}").replace("10.0.0.0/8", "127.0.0.1/32")
            if name == "pg_hba.conf":       # the administrator is not postgres here
                text = re.sub(r"^(local +\w+) .*$", r"\1 admin trust", text, flags=re.M)
            self.write(f"{self.database.directory}/data/{name}", text)
        for name in "server.key", "server.crt", "fleet-ca.crt":
            shutil.copy(f"{self.keys}/{name}", self.database.directory)
            self.own(f"{self.database.directory}/{name}")

    def settings(self):
        text = read(f"{EXAMPLES}/postgresql.conf")
        for was, ours in (("'*'", "'127.0.0.1'"), ("1200", "20"), ("1GB", "16MB"), ("'ANY 1 (db1, db2, db3)'", "''"),
                          ("/etc/postgresql/", "../"), ("/var/backups/jeton", "../backups")):
            assert was in text, was
            text = text.replace(was, ours)
        return text

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self.own(path)

    def own(self, path):
        os.chmod(path, 0o600)
        if self.database.owner:
            os.chown(path, self.database.owner["user"], self.database.owner["group"])

    def log_in(self, user, certificate, **other):
        """Return who one is then, or what psql complains about."""
        words = {"host": "db1.example.org", "hostaddr": "127.0.0.1", "port": self.port, "dbname": "jeton",
                 "sslmode": "verify-full", "sslrootcert": f"{self.keys}/fleet-ca.crt", "connect_timeout": 10,
                 "sslcert": f"{self.keys}/{certificate or 'none'}.crt", "sslkey": f"{self.keys}/{certificate or 'none'}.key"} | other
        query = "IDENTIFY_SYSTEM" if "replication" in words else "select session_user"
        done = subprocess.run(["psql", "-XAtw", "-c", query, " ".join(f"{k}={v}" for k, v in ({"user": user} | words).items())],
                              capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def test_certificates_and_examples_let_each_host_in_under_its_own_name_only(place):
    server = Server(place)
    try:
        server.database.start()
        for text in ("create database jeton", "create role jeton_host", "create role jeton_issuer in role jeton_host",
                     "create role web1 login in role jeton_issuer", "create role web2 login in role jeton_host",
                     "create role db1 login in role jeton_host", "create role admin2 login superuser", "create role replicator login replication"):
            server.database.sql(text)
        log_in = server.log_in
        assert log_in("web1", "fleet") == "web1", "a member of jeton_host by way of jeton_issuer"
        assert log_in("web2", "web2") == "web2"
        assert re.search(r"^[0-9]+\|", log_in("replicator", "server", replication="true"))
        refused = {
            "another host": log_in("web2", "fleet"), "a server as a host": log_in("db1", "server"),
            "a host as a server": log_in("replicator", "fleet", replication="true"),
            "no certificate": log_in("web1", None), "another authority": log_in("web1", "stranger/fleet"),
            "the administrator": log_in("admin", "fleet"), "who is no host": log_in("admin2", "fleet"),
            "another database": log_in("web1", "fleet", dbname="postgres"),
            "no TLS": log_in("web1", "fleet", sslmode="disable"),
        }
        for who, said in refused.items():
            assert re.search(r"FATAL|SSL error|certificate", said), (who, said)
        for other in ({"host": "db2.example.org"}, {"sslrootcert": f"{server.keys}/stranger/fleet-ca.crt"}):
            assert re.search("does not match host name|certificate verify failed", log_in("web1", "fleet", **other)), other
    finally:
        server.database.stop("immediate")


class Restore:
    """What the page shows of backup and restore, done with Debian's names replaced by those of a server here."""

    def __init__(self, database):
        self.database, home = database, database.directory
        self.names = {"runuser -u postgres -- ": "", "/var/backups/jeton": f"{home}/backups", "/var/lib/postgresql/15/main": f"{home}/data",
                      "/etc/postgresql/15/main/conf.d/": f"{home}/"}
        self.steps = {f"pg_ctlcluster 15 main {word}": [getattr(database, each) for each in words] for word, words in
                      {"stop": ["stop"], "start": ["start"], "restart": ["stop", "start"]}.items()}
        self.environment = {"PATH": f"{database.bin}:{os.environ['PATH']}", "PGHOST": home, "PGPORT": str(database.port),
                            "PGUSER": "admin", "PGDATABASE": "postgres"}
        begin, end = (read(PAGE)[:read(PAGE).index(f".Ss {name}\n")].count("\n") for name in ("Backup and restore", "Monitoring"))
        self.shown = [example for example in examples(PAGE) if begin < example.line < end]

    def do(self, example):
        for line in example.lines:
            assert line.startswith("# "), line
            if line[2:] in self.steps:
                for step in self.steps[line[2:]]:
                    step()
            elif "pg_is_in_recovery" in line:
                wait_for(lambda line=line: self.shell(line[2:]) == "f\n", "the restore ends")
            else:
                self.shell(line[2:])

    def shell(self, line):
        for debian, ours in self.names.items():
            line = line.replace(debian, ours)
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd="/", env=self.environment, timeout=30 * PATIENCE,
                              check=False, **self.database.owner)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout


def test_a_backup_and_archived_wal_are_restored_to_a_moment_as_the_page_says(place):
    server = Server(place)
    database = server.database
    with open(f"{database.directory}/data/postgresql.conf", "a", encoding="ascii") as file:
        file.write("include_if_exists = '../restore.conf'\n")
    restore = Restore(database)
    backup, put_in_place, settings, start, _ = restore.shown
    restore.shell("install -d -m 0700 /var/backups/jeton /var/backups/jeton/wal")
    try:
        database.start()
        restore.do(backup)
        database.sql("create table said as select 'before' as word; select pg_switch_wal()")
        moment = database.sql("select clock_timestamp()")
        database.sql("insert into said values ('after')")
        wait_for(lambda: database.sql("select archived_count > 1 from pg_stat_archiver") == "t", "WAL is archived")
        restore.do(put_in_place)
        text = re.sub(r"(recovery_target_time = ).*", rf"\1'{moment}'", settings.text)
        server.write(f"{database.directory}/restore.conf", text.replace("/var/backups/jeton", f"{database.directory}/backups"))
        restore.do(start)
        assert database.sql("select string_agg(word, ' ') from said") == "before"
        assert not os.path.exists(f"{database.directory}/restore.conf")
        restore.shell("rm -r /var/backups/jeton/base")
        restore.do(backup)
        database.sql("insert into said values ('later')")
        last = database.sql("select pg_walfile_name(pg_current_wal_lsn())")
        database.sql("select pg_switch_wal()")
        wait_for(lambda: os.path.exists(f"{database.directory}/backups/wal/{last}"), "what the restore brought does not stop the archive")
        assert database.sql("select failed_count from pg_stat_archiver") == "0"
    finally:
        database.stop("immediate")


def test_what_the_page_says_of_the_examples_is_in_them():
    files = [read(f"{EXAMPLES}/{name}") for name in sorted(os.listdir(EXAMPLES)) if name.endswith(".conf")]
    shown = [line for example in examples(PAGE) for line in example.lines
             if re.match(r"(hostssl|fleet) +\S|synchronous_\w+ = ", line)]
    assert len(shown) >= 4
    for line in shown:
        assert any(f"\n{line}\n" in text for text in files), line
    named = set(re.findall(r"[\w.]+\.(?:conf|yml)\b", re.findall(r"FLEETDOCDIR@/examples\n(.*?)\n\.El", read(PAGE), re.S)[-1]))
    assert named == set(os.listdir(EXAMPLES))


# -- alerts --------------------------------------------------------------------------------------

CASE = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
{series}
    promql_expr_test:
      - expr: count by (alertname, instance) (ALERTS{{alertstate="firing"}})
        eval_time: 12m
        exp_samples: [{wanted}]
"""
HEALTHY = {"lease_seconds": "60+0x30", "serial": "7+0x30", "unsent": "0+0x30", "waiting": "0+0x30", "rewinds_total": "1+0x30", "conflicts_total": "0+0x30", "failures_total": "0+0x30",
           "agent_database_up": "1+0x30", "agent_schema_fits": "1+0x30", "agent_notifications_come": "1+0x30"}
# What is seen of one host, where the others are well, and the alert that this is.
FAULTS = [
    ({}, None),
    ({"lease_seconds": "0+0x30"}, "JetonFleetRefuses"),
    ({"lease_seconds": "20+0x30"}, "JetonFleetLeaseShort"),
    ({"unsent": "2+0x30"}, "JetonFleetDenialsUnsent"),
    ({"waiting": "1+0x30"}, "JetonFleetChangesWait"),
    ({"serial": "6+0x30"}, "JetonFleetBehind"),
    ({"rewinds_total": "1+0x10 2+0x20"}, "JetonFleetRewound"),
    ({"conflicts_total": "0+0x10 1+0x20"}, "JetonFleetConflict"),
    ({"failures_total": "0+0x10 1+0x20"}, "JetonFleetUnsaved"),
    ({"agent_schema_fits": "0+0x30"}, "JetonFleetSchema"),
    ({"agent_notifications_come": "0+0x30"}, "JetonFleetDeaf"),
    ({"agent_notifications_come": "0+0x30", "agent_schema_fits": "0+0x30", "agent_database_up": "0+0x30"}, None),
    ({"written": "0+0x30"}, "JetonFleetSilent"),
]


def promtool(*arguments):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def series_of(instance, values):
    return [f"      - {{series: 'jeton_fleet_{name}{{instance=\"{instance}\"}}', values: '{value}'}}"
            for name, value in (HEALTHY | values).items() if name != "written"] + [
                f"      - {{series: 'node_textfile_mtime_seconds{{instance=\"{instance}\", file=\"/var/lib/jeton.prom\"}}', "
                f"values: '{values.get('written', '0+60x30')}'}}"]


def test_each_fault_of_a_host_is_one_alert_and_none_of_the_others(tmp_path):
    rules = os.path.abspath(f"{EXAMPLES}/alerts.yml")
    promtool("check", "rules", rules)
    names = re.findall(r"alert: (\w+)", read(rules))
    assert names == re.findall(r"^\.It (JetonFleet\w+)", read(PAGE), re.M), "the page names each"
    assert {wanted for _, wanted in FAULTS if wanted} == set(names)
    for number, (values, wanted) in enumerate(FAULTS):
        sample = f"{{labels: '{{alertname=\"{wanted}\", instance=\"sick\"}}', value: 1}}" if wanted else ""
        path = f"{tmp_path}/{number}.yml"
        with open(path, "w", encoding="ascii") as file:
            file.write(CASE.format(rules=rules, series="\n".join(series_of("well", {}) + series_of("sick", values)), wanted=sample))
        promtool("test", "rules", path)


def test_figures_that_alerts_and_the_page_go_by_are_there():
    rows = dict(re.findall(r'\{ "(fleet_\w+)", (GAUGE|COUNTER)', read("plugin/cli/prometheus.c")))
    there = {f"jeton_{name}{'_total' if kind == 'COUNTER' else ''}" for name, kind in rows.items()}
    there |= {f"jeton_fleet_agent_{name}" for name in re.findall(r'one\(t, "(\w+)"', read("plugin/fleet/metrics.c"))}
    asked = set(re.findall(r"\bjeton_fleet_\w+", read(f"{EXAMPLES}/alerts.yml")))
    assert len(asked) >= 8 and asked - there == set()
    described = set(re.findall(r"^\.It Cm (fleet_\w+)", read(PAGE), re.M))
    assert described == set(rows)
