# SPDX-License-Identifier: Apache-2.0
"""jeton-fleet's units: the agent without a database, and then with one in the same container."""
import glob
import grp
import os
import pwd
import stat

from support import (ADMIN, VERIFY, Skip, assert_equal, eventually, main_pid, request, request_ok, run, state, timeout, unit)

FLEET = "/run/jeton/fleet.sock"
SERVER = "/run/fleet-database"
DATA = "/var/lib/fleet-database"
CONF = f"""\
[fleet]
database = host={SERVER} dbname=jeton user=boot
           connect_timeout=5
groups = web
lease = 20s
metrics = /run/jeton-fleet/fleet.prom
"""


def log_of_the_agent():
    return run("journalctl", "--no-pager", "-o", "cat", "-u", "jeton-fleet")


def as_administrator(*words):
    return run("jeton", "fleet", "--database", f"host={SERVER} dbname=jeton user=postgres", *words)


def the_agent_confines_itself_and_tries_until_there_is_a_database():
    assert_equal((state("jetond-fleet.socket"), state("jeton-fleet.service")), ("inactive", "inactive"))
    with open("/etc/jeton/fleet.conf", "w") as file:
        file.write(CONF)
    run("systemctl", "enable", "jetond-fleet.socket", "jeton-fleet.service")
    run("systemctl", "restart", "jetond.service", "jetond-fleet.socket")
    run("systemctl", "start", "jeton-fleet.service")
    st = os.stat(FLEET)
    assert_equal((stat.S_IMODE(st.st_mode), st.st_uid, grp.getgrgid(st.st_gid).gr_name), (0o660, 0, "jeton-fleet"))
    assert_equal(state("jeton-fleet.service"), "active")
    with open(f"/proc/{unit('jeton-fleet.service', 'MainPID')}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    assert_equal(set(status["Uid"].split()), {str(pwd.getpwnam("jeton-fleet").pw_uid)})
    assert_equal((status["CapEff"].strip(), status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("0" * 16, "1", "2"))
    eventually(lambda: SERVER in log_of_the_agent(), "the log says which database is not there")
    assert "not protected" not in log_of_the_agent().replace("not protected by Landlock", ""), log_of_the_agent()
    assert_equal(request(VERIFY, "verify " + "x" * 40).verdict, "ERR unavailable", "it may be a token of the fleet")
    assert_equal((state("jeton-fleet.service"), unit("jeton-fleet.service", "NRestarts")), ("active", "0"))


@timeout(60)
def tokens_of_the_fleet_are_created_and_revoked_with_a_database():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found:
        raise Skip("postgresql is not installed")
    for path in DATA, SERVER:
        run("install", "-d", "-o", "postgres", "-m", "0755", path)
    run("runuser", "-u", "postgres", "--", f"{found[-1]}/initdb", "-D", f"{DATA}/data", "-A", "trust", "-E", "UTF8",
        "--no-locale", "--no-sync")
    run("systemd-run", "--unit=fleet-database", "--property=User=postgres", f"{found[-1]}/postgres", "-D", f"{DATA}/data",
        "-k", SERVER, "-c", "listen_addresses=", "-c", "fsync=off")
    psql = "runuser", "-u", "postgres", "--", "psql", "-h", SERVER
    eventually(lambda: "1 row" in run(*psql, "-c", "select 1", check=False), "the database answers")
    run(*psql, "-c", "create database jeton")
    as_administrator("init")
    as_administrator("join", "boot", "--groups=web", "--issuer")
    eventually(lambda: request(VERIFY, "verify " + "x" * 40).verdict == "NO unknown", "the host has a lease", within=25)
    token = request_ok(ADMIN, "create group=web description=boot")
    assert_equal(token["group"], "web")
    assert_equal(request(VERIFY, f"verify {token['token']}").verdict, "OK")
    run("systemctl", "restart", "jetond.service")
    eventually(lambda: request(VERIFY, f"verify {token['token']}").verdict == "OK", "after a restart, when the agent has asked")
    assert_equal(request_ok(ADMIN, f"revoke {token['id']} confirm=all")["seen"], "1")
    assert_equal(request(VERIFY, f"verify {token['token']}").verdict, "NO revoked")
    assert "boot" in run("jeton", "fleet", "hosts"), "as root, with the configuration of the package"

    def figures():
        with open("/run/jeton-fleet/fleet.prom") as file:
            return dict(line.rsplit(" ", 1) for line in file.read().splitlines() if not line.startswith("#"))
    eventually(lambda: figures()["jeton_fleet_agent_serial"] == figures()["jeton_fleet_agent_newest_serial"] != "0", "figures", within=12)


def a_host_leaves_the_fleet_and_goes_on():
    run("systemctl", "disable", "--now", "jeton-fleet.service", "jetond-fleet.socket")
    run("systemctl", "stop", "fleet-database", check=False)
    assert not os.path.exists("/run/jeton-fleet") and not os.path.exists(FLEET)
    assert_equal(request(VERIFY, "verify " + "x" * 40).verdict, "NO unknown", "the next connection starts it, without a fleet")
    assert main_pid()
