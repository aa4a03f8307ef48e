# SPDX-License-Identifier: Apache-2.0
"""The words of jeton-fleet that administer, as `jeton fleet` runs them."""
import json
import os
import subprocess
import tempfile

import pytest

from daemon import environment
from fleet_agent import Agent, run
from fleet_postgres import digest_of, put
from postgres import MIGRATIONS, migrations
from settings import BUILD
from waiting import eventually


@pytest.fixture
def empty(shared_postgres):
    """The connection string of a database without a schema."""
    name = "words_" + os.urandom(4).hex()
    shared_postgres.create(name)
    yield shared_postgres.conninfo(name)
    shared_postgres.drop(name)


def test_init_applies_each_migration_once_and_says_so(empty):
    first = run("init", "--database", empty)
    names = [os.path.basename(path) for path in migrations()]
    assert first.returncode == 0, first.stderr
    assert [f"applied {name}" for name in names] == first.stdout.splitlines()[:-1]
    again = run("init", "--database", empty)
    assert again.returncode == 0 and "applied" not in again.stdout and "as it was" in again.stdout


def test_migrate_goes_on_where_the_schema_is_and_never_back(empty):
    missing = run("migrate", "--database", empty)
    assert missing.returncode == 1 and "jeton fleet init" in missing.stderr
    with tempfile.TemporaryDirectory() as directory:
        for path in migrations():
            os.symlink(os.path.abspath(path), f"{directory}/{os.path.basename(path)}")
        number = len(migrations()) + 1
        with open(f"{directory}/{number:04d}_next.sql", "w") as file:
            file.write(f"create table jeton.next (); insert into jeton.version (version, name) values ({number}, 'next');")
        assert run("init", "--database", empty).returncode == 0
        done = run("migrate", "--database", empty, "--migrations", directory)
        assert done.returncode == 0 and f"applied {number:04d}_next.sql" in done.stdout, done.stderr
        back = run("migrate", "--database", empty, "--migrations", MIGRATIONS)
        assert back.returncode == 1 and "no way back" in back.stderr


def test_migration_that_fails_leaves_nothing(empty):
    assert run("init", "--database", empty).returncode == 0
    with tempfile.TemporaryDirectory() as directory:
        number = len(migrations()) + 1
        with open(f"{directory}/{number:04d}_wrong.sql", "w") as file:
            file.write("create table jeton.next (); select nonsense;")
        done = run("migrate", "--database", empty, "--migrations", directory)
        assert done.returncode == 1 and "nothing of it was done" in done.stderr
    again = run("migrate", "--database", empty)
    assert "as it was" in again.stdout


def test_hosts_join_are_shown_and_leave(empty):
    assert run("init", "--database", empty).returncode == 0
    assert run("join", "w1", "--groups=web,db", "--issuer", "--database", empty).returncode == 0
    assert run("join", "w2", "--groups=web", "--database", empty).returncode == 0
    table = run("hosts", "--database", empty).stdout.splitlines()
    assert table[0].split()[:3] == ["host", "groups", "issuer"] and table[1].split()[:3] == ["w1", "db,web", "yes"]
    rows = [json.loads(line) for line in run("hosts", "--json", "--database", empty).stdout.splitlines()]
    assert [(row["host"], row["groups"], row["issuer"]) for row in rows] == [("w1", ["db", "web"], True), ("w2", ["web"], False)]
    assert run("leave", "w2", "--database", empty).returncode == 0
    assert [json.loads(line)["host"] for line in run("hosts", "--json", "--database", empty).stdout.splitlines()] == ["w1"]
    unknown = run("leave", "w7", "--database", empty)
    assert unknown.returncode == 1 and "no such host" in unknown.stderr


def test_status_is_what_the_agent_has_reported(fleet_database, fake_jetond):
    put(fleet_database.join("h2", "web", issuer=True), digest_of(1))
    fleet_database.join("h1", "web").close()
    assert run("status", "--database", fleet_database.conninfo("h1")).returncode == 0
    assert fleet_database.admin.value("select count(*) from jeton.beat where id > 0") == 0, "who looks makes no beat, whose commit may wait"
    with Agent(fleet_database.conninfo("h1"), fake_jetond.path):
        def reported():
            done = run("status", "--json", "--database", fleet_database.conninfo("h1"))
            shown = json.loads(done.stdout or pytest.fail(done.stderr))
            return shown if shown["serial"] == shown["newest"] and shown["lease_ms"] else None
        shown = eventually(reported, "the report", every=0.05)
    assert shown["groups"] == ["web"] and shown["behind"] == 0 and shown["schema"] == len(migrations()) and shown["error"] is None


def test_jeton_fleet_becomes_jeton_fleet_with_all_its_words(empty):
    done = subprocess.run([f"{BUILD}/jeton", "fleet", "init", "--database", empty], capture_output=True, text=True, env=environment())
    assert done.returncode == 0 and "applied 0001" in done.stdout, done.stderr


@pytest.mark.parametrize("settings, message", [
    (["fleet.lease=1s"], "from 5s to 1h"), (["fleet.stale=never"], "refuse"), (["fleet.stale=keep 1s"], "shorter than the lease"),
    (["fleet.groups=a b"], "names"), (["fleet.socket=x"], "absolute path"), (["fleet.colour=red"], "no such key"),
    (["fleet.metrics=m"], "absolute path"), (["lease=5s"], "fleet.KEY=VALUE"),
])
def test_check_finds_what_is_wrong(settings, message):
    done = run("check", *(word for one in settings for word in ("--set", one)))
    assert done.returncode == 2 and message in done.stderr


@pytest.mark.parametrize("database, warned", [
    ("host=db.example.org", True), ("host=db.example.org sslmode=require", True), ("host=db.example.org sslmode=verify-ca", True),
    ("host=/run/postgresql,db.example.org", True), ("hostaddr=192.0.2.1", True), ("postgres://db.example.org/fleet?sslmode=prefer", True),
    ("host=db.example.org sslmode=verify-full", False), ("host=/run/postgresql", False), ("dbname=fleet", False),
    ("host=localhost", False), ("hostaddr=127.0.0.1", False), ("hostaddr=::1", False),
])
def test_check_warns_of_a_database_that_anybody_could_be(database, warned):
    done = run("check", "--set", f"fleet.database={database}")
    assert done.returncode == 0 and ("sslmode=verify-full" in done.stderr) == warned, done.stderr


def test_configuration_file_is_read_with_line_numbers_and_long_connection_strings():
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("# a comment\n[fleet]\ndatabase = host=a,b dbname=fleet\n  sslmode=verify-full sslrootcert=/etc/jeton/ca.pem\n"
                   "groups = web, db\nstale = keep 24h\nlease = 10s\n")
        file.flush()
        good = run("--config", file.name, "check")
        assert good.returncode == 0 and "lease of 10s" in good.stdout and "86400s" in good.stdout, good.stderr
        file.write("lease = 7s\nnonsense\n")
        file.flush()
        bad = run("--config", file.name, "check")
    assert bad.returncode == 2 and f"{file.name}:8: lease: this key is given twice" in bad.stderr and ":9:" in bad.stderr


def test_wrong_words_are_refused():
    for words in (["burn"], ["join"], ["join", "h1"], ["hosts", "h1"], ["join", "h1", "--groups=a b"]):
        assert run(*words).returncode == 2, words
