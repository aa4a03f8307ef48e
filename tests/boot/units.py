# SPDX-License-Identifier: Apache-2.0
"""The systemd units: sockets, service, reload, journal, statistics and the network drop-in."""
import grp
import http.server
import json
import os
import pwd
import shutil
import stat
import threading
import urllib.parse

from support import (ADMIN, OBSERVE, SELF, VERIFY, Skip, as_user, assert_equal, create, eventually, main_pid,
                     make_user, request, request_ok, run, state, timeout, verify_all)


def sockets_listen_before_the_service_runs():
    assert_equal(state("jetond-admin.socket"), "active")
    assert_equal(state("jetond-verify.socket"), "active")
    assert_equal(state("jetond-observe.socket"), "inactive")
    assert_equal(state("jetond-self.socket"), "inactive")
    assert_equal(state("jetond.service"), "inactive")
    for path, mode, group in ((ADMIN, 0o660, "jeton-admin"), (VERIFY, 0o666, "root")):
        st = os.stat(path)
        assert_equal((stat.S_IMODE(st.st_mode), st.st_uid, grp.getgrgid(st.st_gid).gr_name),
             (mode, 0, group), path)
    st = os.stat("/run/jeton")
    assert_equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o755, 0), "/run/jeton")
    assert not os.path.exists(OBSERVE) and not os.path.exists(SELF)


def first_connection_starts_the_service():
    request_ok(VERIFY, "ping")
    assert_equal(state("jetond.service"), "active")
    assert_equal(request_ok(VERIFY, "hello")["role"], "verify")
    assert_equal(request_ok(ADMIN, "hello")["role"], "admin")
    with open(f"/proc/{main_pid()}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    assert_equal(set(status["Uid"].split()), {str(pwd.getpwnam("jeton").pw_uid)})
    assert_equal(status["CapPrm"].strip("\t\n0"), "", "capabilities")
    assert_equal(status["NoNewPrivs"].strip(), "1")
    assert_equal(stat.S_IMODE(os.stat("/var/lib/jeton").st_mode), 0o700)
    with open("/var/lib/jeton/tokens.tdb.lease") as lease, open("/proc/sys/kernel/random/boot_id") as boot:
        assert_equal(lease.read(), f"v=1 boot={boot.read().strip()} state=running\n", "the boot is known")


def protections_are_in_force_and_reported():
    stats = {line["name"]: line["value"] for line in request_ok(ADMIN, "stats").lines}
    found = {name: value for name, value in stats.items() if name.startswith("protection_")}
    for name in ("unprivileged", "no_new_privs", "not_dumpable", "memory_locked", "seccomp"):
        assert_equal(found[f"protection_{name}"], "1", name)        # Landlock depends on the kernel
    return " ".join(f"{name}={value}" for name, value in found.items())


def roles_depend_on_groups_and_changes_record_uids():
    make_user("stranger")
    make_user("boss", "jeton-admin")
    make_user("reader", "jeton-table")
    value = create(subject="root")
    made = as_user("boss", lambda: request(ADMIN, "create subject=boss").verdict)
    assert_equal(made, "OK", "a member of jeton-admin")
    by = [line["by"] for line in request_ok(ADMIN, "journal").lines]
    assert_equal(by, ["uid:0", f"uid:{pwd.getpwnam('boss').pw_uid}"])
    assert "PermissionError" in as_user("stranger", lambda: request(ADMIN, "ping").verdict)
    assert_equal(as_user("stranger", lambda: request(VERIFY, f"verify {value}").verdict), "OK")
    assert_equal(as_user("stranger", lambda: request(VERIFY, "table").verdict), "ERR forbidden")
    assert_equal(as_user("reader", lambda: request(VERIFY, "table").verdict), "OK")
    assert_equal(as_user("stranger", lambda: request(VERIFY, "list").verdict), "ERR forbidden")


def reload_applies_changed_settings():
    pid = main_pid()
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write("[daemon]\nactivation_delay = 1h\n")
    run("systemctl", "reload", "jetond.service")
    eventually(lambda: request_ok(ADMIN, "create")["state"] == "pending", "new tokens are pending")
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write("[daemon]\nactivation_delai = 0s\n")
    run("systemctl", "kill", "--kill-whom=main", "--signal=HUP", "jetond.service")
    eventually(lambda: "activation_delai" in run("journalctl", "--no-pager", "-u", "jetond"),
               "the log names the wrong setting")
    assert_equal(request_ok(ADMIN, "create")["state"], "pending", "the old configuration stays")
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(before)
    run("systemctl", "reload", "jetond.service")
    eventually(lambda: request_ok(ADMIN, "create")["state"] == "active", "new tokens are active")
    eventually(lambda: state("jetond.service") == "active", "reloading ends")
    assert_equal(main_pid(), pid)


def changes_are_in_the_journal():
    value = create(subject="journal")
    token = request_ok(VERIFY, f"id {value}")["id"]
    def entry():
        return run("journalctl", "--no-pager", "-o", "verbose", f"JETON_ID={token}")
    output = eventually(lambda: "JETON_EVENT=" in entry() and entry(), "the journal has the entry")
    for field in ("JETON_EVENT=create", "JETON_BY_UID=0", "MESSAGE_ID=", "PRIORITY=",
                  "_SYSTEMD_UNIT=jetond.service"):
        assert field in output, f"{field} is not in\n{output}"
    assert value not in output


def the_observe_socket_can_be_added():
    run("systemctl", "enable", "jetond-observe.socket")
    run("systemctl", "restart", "jetond.service", "jetond-observe.socket")
    assert_equal(request_ok(OBSERVE, "hello")["role"], "observe")
    assert_equal(request(OBSERVE, "create").verdict, "ERR forbidden")
    make_user("watcher", "jeton-observe")
    assert_equal(as_user("watcher", lambda: request(OBSERVE, "list limit=1").verdict), "OK")
    assert_equal(request_ok(ADMIN, "hello")["role"], "admin")


def the_self_socket_can_be_added_and_users_have_their_own_tokens():
    run("systemctl", "enable", "jetond-self.socket")
    run("systemctl", "restart", "jetond.service", "jetond-self.socket")
    st = os.stat(SELF)
    assert_equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o666, 0))
    make_user("mia")
    make_user("max")
    token = as_user("mia", lambda: str(request_ok(SELF, "create description=mail")["id"]))
    assert_equal(request_ok(ADMIN, f"show {token}").lines[0]["subject"], "mia")
    assert_equal(as_user("max", lambda: request(SELF, f"show {token}").verdict), "NO unknown")
    assert_equal(as_user("max", lambda: request(SELF, "journal").verdict), "ERR forbidden")
    assert_equal(as_user("mia", lambda: request_ok(SELF, f"revoke {token}")["state"]), "revoked")
    output = as_user("mia", lambda: run("jeton", "--verbose", "create", "description=x", check=False))
    assert "self.sock" in output and "jtn_" in output, output


def statistics_are_written_for_prometheus():
    os.makedirs("/var/lib/prometheus/node-exporter", exist_ok=True)
    run("systemctl", "start", "jeton-stats.service")
    path = "/var/lib/prometheus/node-exporter/jeton.prom"
    with open(path) as file:
        text = file.read()
    assert "# TYPE jeton_" in text, text
    assert_equal(stat.S_IMODE(os.stat(path).st_mode), 0o644)
    assert_equal(os.listdir(os.path.dirname(path)), ["jeton.prom"])
    shutil.rmtree("/var/lib/prometheus/node-exporter")
    run("systemctl", "start", "jeton-stats.service")        # its condition is not met


class Issuer(http.server.BaseHTTPRequestHandler):
    """An introspection endpoint with one active token."""
    VALUE = "issued-elsewhere-0123456789abcdefghij"

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        active = urllib.parse.parse_qs(form).get("token") == [self.VALUE]
        output = json.dumps({"active": active} | ({"sub": "ann"} if active else {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(output)))
        self.end_headers()
        self.wfile.write(output)

    def log_message(self, *_):
        pass


@timeout(40)
def the_network_needs_both_the_drop_in_and_the_setting():
    if not os.path.exists("/usr/lib/jeton/verifiers/introspect.so"):
        raise Skip("there is no introspect.so")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    drop_in = "/etc/systemd/system/jetond.service.d/network.conf"
    os.makedirs(os.path.dirname(drop_in))
    output = {}
    for network, dropped in (("yes", False), ("no", True), ("yes", True)):
        with open("/etc/jeton/jetond.conf", "w") as file:
            file.write(f"[daemon]\nnetwork = {network}\n[service api]\nsufficient = local\n"
                       f"sufficient = introspect url=http://127.0.0.1:{server.server_port}/\n")
        if dropped:
            shutil.copy("/usr/share/doc/jeton/examples/network.conf", drop_in)
        run("systemctl", "daemon-reload")
        # Without the network such a verifier is refused: clients are told that nobody can judge.
        run("systemctl", "restart", "jetond.service", check=network == "yes")
        output[network, dropped] = request(VERIFY, f"verify service=api {Issuer.VALUE}").verdict
    assert_equal(output, {("yes", False): "ERR unavailable", ("no", True): "ERR unavailable",
                ("yes", True): "OK"})
    assert_equal(request(VERIFY, f"verify service=api {Issuer.VALUE.upper()}").verdict, "NO unknown")
    server.shutdown()
    os.unlink(drop_in)
    os.rmdir(os.path.dirname(drop_in))
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(before)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "jetond.service")


def after_a_boot_the_first_connection_finds_the_tokens():
    for role in ("admin", "verify", "observe"):
        assert_equal(state(f"jetond-{role}.socket"), "active", role)
    assert_equal(state("jetond.service"), "inactive")
    return f"{verify_all()} tokens"
