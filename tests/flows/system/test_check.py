# SPDX-License-Identifier: Apache-2.0
"""jetond --check reports all that is wrong, and jetond ends with the documented statuses."""
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time

from client import Client
from daemon import run_jetond
from settings import JETOND, PATIENCE
from waiting import eventually

USAGE, FAILURE = 2, 1


def check(d, *more, **how):
    return run_jetond(*d.arguments(), "--check", *more, **how)


def test_check_reports_all_faults_of_the_file_and_of_what_it_names(daemon):
    d = daemon(config="")
    d.stop()
    d.configure("[daemon]\nworkers = many\nwokers = 1\n[admin]\ngroup = no-such-group\n[service a]\n"
                "required = nothing\nsufficient = local\nrequisite = require scope=,\n"
                "requisite = require subject=x\n[service b]\nperhaps = local\n")
    d.arguments = lambda: ["--config", d.config, "--set", f"daemon.store={d.store}",
                           "--set", f"admin.path={d.path()}", "--set", "verify.path=",
                           "--set", "verify.table_group=no-such-either"]
    done = check(d)
    assert done.returncode == USAGE, done
    lines = done.stderr.splitlines()
    for number, word in ((2, "number"), (3, "wokers"), (5, "no-such-group"), (7, "nothing"),
                         (9, "scope"), (12, "perhaps")):
        assert any(f"{d.config}:{number}: " in line and word in line for line in lines), (number, done.stderr)
    assert any("no-such-either" in line for line in lines), done.stderr
    assert len(lines) == 7, done.stderr


def test_check_reports_what_is_wrong_in_a_stack_beside_a_line_that_is_refused(daemon):
    d = daemon(config="")
    d.stop()
    d.configure("[service a]\nsuficient = local\nrequisite = require scope=,\nrequisite = require subject=x\n"
                "required = nothing\nrequisite = throttle\n   failures=many\nrequisite = require\n   issuer=" + "x" * 200 +
                "\nrequisite = require\n   subject=x\n   issuer=" + "x\0" +
                "\nsufficient = throttle\n[service b]\nrequisite = require subject=x\n")
    done = check(d)
    assert done.returncode == USAGE, done
    numbers = sorted(int(number) for number in re.findall(rf"{d.config}:(\d+): ", done.stderr))
    assert numbers == [2, 3, 5, 6, 9, 12, 13, 15], done.stderr


def test_option_whose_output_cannot_be_written_fails():
    for option in "--help", "--version", "--print-config":
        with open("/dev/full", "w") as full:
            done = subprocess.run([JETOND, "--config", "/dev/null", option], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == FAILURE and "No space left" in done.stderr, (option, done)


def test_check_reads_the_store_that_a_daemon_is_changing(daemon):
    d = daemon()
    for _ in range(100):
        d.create(description="x" * 200)
    stop = threading.Event()

    def change():
        with Client(d.path()) as client:
            while not stop.is_set():
                client.request("create description=more")
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(5):
            done = check(d)
            assert done.returncode == 0, done
            assert re.search(r" tokens, \d+ bans, journal entries ", done.stdout), done.stdout
            assert "a daemon is using it" in done.stdout and done.stderr == "", done
    finally:
        stop.set()
        thread.join()
    assert d.create()["id"], "changes go on"


def test_check_finds_damage_while_a_daemon_is_running(daemon):
    d = daemon()
    token = d.create(description="damaged")
    d.done("checkpoint")
    # As a disk may do it: behind the daemon's back.
    with open(d.store, "r+b") as file:
        content = file.read()
        for place in re.finditer(b"description=damaged", content):
            file.seek(place.start())
            file.write(b'description="damage')
    done = check(d)
    assert done.returncode == FAILURE, done
    assert token["id"] in done.stderr, done.stderr


def test_paths_of_two_sockets_and_of_the_store_must_differ(daemon):
    d = daemon()
    d.stop()
    spelt = f"{d.directory}/../{os.path.basename(d.directory)}/admin.sock"
    for setting in (f"verify.path={d.path()}", f"observe.path={spelt}", f"verify.path={d.store}"):
        for more in (["--check"], []):
            done = run_jetond(*d.arguments(), "--set", setting, *more)
            assert done.returncode == USAGE and "already" in done.stderr, (setting, done)
    d.start()


def test_admin_socket_that_everybody_may_use_is_refused(daemon):
    d = daemon()
    d.stop()
    place = f"{d.directory}/closed"
    os.mkdir(place, 0o700)
    for directory in (d.directory, os.path.dirname(d.directory)):
        os.chmod(directory, 0o755)
    for mode in "0777", "0666", "0602":
        for more in (["--check"], []):
            done = run_jetond(*d.arguments(), "--set", f"admin.mode={mode}", *more)
            assert done.returncode == USAGE and "[admin] mode" in done.stderr, (mode, done)
    done = check(d, "--set", "admin.mode=0666", "--set", f"admin.path={place}/admin.sock")
    assert done.returncode == 0, done
    assert check(d, "--set", "observe.mode=0666").returncode == 0
    d.start()


def test_store_that_the_unit_does_not_let_be_written_is_reported(daemon):
    d = daemon(config="")
    d.stop()
    directory = os.path.realpath(d.directory)
    bin_directory = f"{directory}/bin"
    os.mkdir(bin_directory)

    def unit(**properties):
        with open(f"{bin_directory}/systemctl", "w") as file:
            file.write("#!/bin/sh\ncat <<END\n" +
                       "".join(f"{name}={value}\n" for name, value in properties.items()) + "END\n")
            os.fchmod(file.fileno(), 0o755)
        environment = os.environ | {"PATH": f"{bin_directory}:{os.environ['PATH']}"}
        return subprocess.run([JETOND, *d.arguments(), "--check"], capture_output=True, text=True,
                              timeout=20 * PATIENCE, env=environment)
    loaded = {"LoadState": "loaded", "ProtectSystem": "strict", "StateDirectory": "jeton"}
    done = unit(**loaded, ReadWritePaths="/srv/other")
    assert f"ReadWritePaths={directory}" in done.stdout, done
    for good in (loaded | {"ReadWritePaths": f"/srv -{directory}"}, loaded | {"ProtectSystem": "full"},
                 {"LoadState": "not-found"}):
        assert "ReadWritePaths" not in unit(**good).stdout, good


def test_module_of_a_package_that_is_not_installed_is_named(daemon):
    d = daemon(config="")
    d.stop()
    os.mkdir(f"{d.directory}/verifiers")
    d.configure(f"[daemon]\nverifiers = {d.directory}/verifiers\n[service a]\nsufficient = jwt\n")
    done = check(d)
    assert done.returncode == USAGE and "package jeton-verifiers" in done.stderr, done


def test_user_may_be_a_number(daemon):
    d = daemon()
    d.stop()
    user = pwd.getpwnam("daemon") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())
    assert check(d, "--set", f"daemon.user={user.pw_uid}").returncode == 0
    done = check(d, "--set", "daemon.user=4012345678")
    assert done.returncode == USAGE and "no user 4012345678" in done.stderr, done
    os.chmod(os.path.dirname(d.directory), 0o755)
    for path in (d.directory, *(f"{d.directory}/{name}" for name in os.listdir(d.directory))):
        os.chown(path, user.pw_uid, user.pw_gid)
    d.settings = [*d.settings, f"daemon.user={user.pw_uid}"]
    d.start()
    assert os.stat(f"/proc/{d.pid}").st_uid == user.pw_uid


def test_exit_status_says_whether_trying_again_can_help(daemon):
    d = daemon(config="")
    d.stop()
    for more in ["--nonsense"], ["word"], ["--set", "daemon.workers=x"], ["--config", "/nonexistent"], \
            ["--set", "admin.group=no-such-group"], ["--set", f"daemon.store={d.directory}/none/t"], \
            ["--set", "daemon.user=no-such-user"], ["--set", "service a.required=nothing"]:
        done = run_jetond(*d.arguments(), *more)
        assert done.returncode == USAGE, (more, done)
    d.start()
    other = ["--set", f"admin.path={d.directory}/other.sock", "--set", "observe.path=", "--set", "verify.path="]
    done = run_jetond(*d.arguments(), *other)
    assert done.returncode == FAILURE and "in use" in done.stderr, done
    done = run_jetond(*d.arguments(), "--set", f"daemon.store={d.directory}/other.tdb")
    assert done.returncode == FAILURE and "another process listens" in done.stderr, done
    d.stop()
    shutil.copy(d.store, f"{d.store}.bak")
    with open(d.store, "r+b") as file:
        file.write(b"no store at all" + bytes(4096))
    for more in ["--check"], []:
        assert run_jetond(*d.arguments(), *more).returncode == FAILURE, more
    os.replace(f"{d.store}.bak", d.store)
    os.chmod(d.store, stat.S_IRUSR | stat.S_IWUSR)
    d.start()


def test_check_config_leaves_the_store_alone(daemon):
    d = daemon(config="")
    d.stop()
    with open(d.store, "wb") as file:
        file.write(b"no store at all")
    assert run_jetond(*d.arguments(), "--check").returncode == FAILURE
    done = run_jetond(*d.arguments(), "--check-config")
    assert done.returncode == 0 and "configuration: OK" in done.stdout, done
    os.unlink(d.store)
    d.start()


def test_printed_configuration_is_one_that_says_the_same(daemon):
    d = daemon(config="")
    d.stop()
    plain = run_jetond("--print-config", "--config", d.config)
    d.configure(plain.stdout)
    assert run_jetond("--print-config", "--config", d.config).stdout == plain.stdout
    d.configure("[daemon]\nretention = 90m\nlog_level = error\nsandbox = no\nnetwork = yes\n[admin]\nmode = 600\n"
                "path = /a\npath = /b\n[service a]\nrequired = local\nrequired = require " +
                "\n  ".join(f'subject="a b {i} ; {"x" * 50}"' for i in range(16)) + "\n")
    first = run_jetond("--print-config", "--config", d.config)
    assert first.returncode == 0, first
    for line in "retention = 90m", "sandbox = no", "network = yes", "mode = 0600", "path = /b", "workers = 0":
        assert line in first.stdout.splitlines(), (line, first.stdout)
    d.configure(first.stdout)
    again = run_jetond("--print-config", "--config", d.config)
    assert (again.stdout, again.stderr) == (first.stdout, ""), again
    d.configure("[daemon]\nworker = 1\n")
    done = run_jetond("--print-config", "--config", d.config)
    assert (done.returncode, done.stdout) == (USAGE, "") and "worker" in done.stderr, done
    d.configure("")
    d.start()


def test_reload_logs_the_settings_that_need_a_restart_and_no_others(daemon):
    d = daemon(config="[daemon]\nworkers = 1\nretention = 1d\n")
    d.configure("[daemon]\nworkers = 2\nprefix = new\nretention = 2d\n")
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
    line = next(line for line in d.log().splitlines() if "restart" in line)
    assert line.endswith("[daemon] workers, [daemon] prefix"), line


def test_settings_that_inherited_sockets_override_are_logged(daemon):
    with socket.socket(socket.AF_UNIX) as sock:
        d = daemon(config="[admin]\nmode = 0600\n[verify]\ntable_group =\n", roles=("observe", "verify"),
                   sockets={"admin": listening(sock)})
        line = next(line for line in d.log().splitlines() if "no effect of" in line)
    assert "[admin] mode" in line and "table_group" not in line and "[verify]" not in line, line


def listening(sock):
    sock.bind(f"{tempfile.mkdtemp()}/admin.sock")
    sock.listen(8)
    return sock


def test_clients_of_inherited_sockets_are_told_that_the_daemon_cannot_start(daemon):
    with socket.socket(socket.AF_UNIX) as admin, socket.socket(socket.AF_UNIX) as verify:
        listening(admin)
        listening(verify)
        d = daemon(config="", roles=("observe",), sockets={"admin": admin, "verify": verify})
        d.stop()
        for text, status in (("[daemon]\nworkers = many\n", USAGE), ("[admin]\nx\n", USAGE), ("", FAILURE)):
            d.configure(text)
            if not text:
                with open(d.store, "wb") as file:
                    file.write(b"damaged")
            reason = {}
            clients = {name: Client(sock.getsockname()) for name, sock in (("admin", admin), ("verify", verify))}
            for client in clients.values():
                client.send("ping")
            start = time.monotonic()
            d.spawn()
            for name, client in clients.items():
                reply = client.reply()
                assert reply.verdict == "ERR unavailable", reply
                reason[name] = reply["message"]
                client.close()
            d.ended(status)
            assert time.monotonic() - start > 0.9, "the next start is held up"
            assert "cannot start" in reason["admin"] and "journalctl" in reason["verify"], reason
            assert (f"{d.config}:2:" in reason["admin"]) == bool(text), reason
            assert d.directory not in reason["verify"], "only administrators are told what is wrong"
        os.unlink(d.store)
        d.configure("")
        d.start()
