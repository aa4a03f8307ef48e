# SPDX-License-Identifier: Apache-2.0
"""What is tried in the container that ./run has booted; the claims in the order of an operator's
life with the packages.  A claim that fails ends the stage, for those after it build upon it."""
import contextlib
import glob
import grp
import http.server
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

from client import Client, Closed

ADMIN, OBSERVE, VERIFY = (f"/run/jeton/{role}.sock" for role in ("admin", "observe", "verify"))
STORE = "/var/lib/jeton/tokens.tdb"
KEEP = "kept"               # values, from one boot to the next
stages = {"first": [], "second": []}


class Skip(Exception):
    pass


def claim(stage, within=20):
    def register(function):
        stages[stage].append((function, within))
        return function
    return register


def late(*_):
    raise TimeoutError("the claim's own deadline has passed")


def main():
    with open("stage") as file:
        stage = file.read()
    signal.signal(signal.SIGALRM, late)
    for function, within in stages[stage]:
        began = time.monotonic()
        signal.alarm(within)
        try:
            remark = function()
            took = f"{time.monotonic() - began:.1f} s"
            print(f"[       OK ] {function.__name__}\n    {took}{'; ' + remark if remark else ''}",
                  flush=True)
        except Skip as reason:
            print(f"[  SKIPPED ] {function.__name__}: {reason}", flush=True)
        except Exception:
            print(f"[  FAILED  ] {function.__name__}", flush=True)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            signal.alarm(0)
            run("journalctl", "--no-pager", "-n", "60", "-o", "short-monotonic", "-u", "jetond*",
                "-u", "jeton-stats*", show=True, check=False)
            return 1
        finally:
            signal.alarm(0)
    return 0


# -- tools ---------------------------------------------------------------------------------------

def run(*arguments, show=False, check=True, **how):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60, **how)
    if show:
        print(done.stdout, flush=True)
    assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}"
    return done.stdout.strip()


def same(got, wanted, about=""):
    assert got == wanted, f"{about}\n     got: {got!r}\n  wanted: {wanted!r}"


def eventually(condition, what, within=10):
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)
    return value


def apt(*arguments):
    """Nothing is fetched, there is no network: what the packages depend on is there, as they were built here."""
    run("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", *arguments,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def unit(name, *properties):
    said = run("systemctl", "show", name, *(f"--property={name}" for name in properties))
    found = dict(line.split("=", 1) for line in said.splitlines())
    values = [found[name] for name in properties]
    return values[0] if len(values) == 1 else values


def state(name):
    return unit(name, "ActiveState")


def main_pid():
    return int(unit("jetond.service", "MainPID"))


def ask(path, line):
    with Client(path, patience=10) as client:
        return client.request(line)


def done(path, line):
    reply = ask(path, line)
    same(reply.verdict, "OK", line)
    return reply


def create(**claims):
    """Keeps the value: it must be good until the end."""
    value = done(ADMIN, "create" + "".join(f" {k}={v}" for k, v in claims.items()))["token"]
    with open(KEEP, "a") as file:
        file.write(value + "\n")
    return value


def all_verify():
    with open(KEEP) as file:
        values = file.read().split()
    with Client(VERIFY) as client:
        for value in values:
            same(client.request(f"verify {value}").verdict, "OK")
    return len(values)


def as_user(name, function):
    """What the function returns when it runs as that user, in a process of its own."""
    user = pwd.getpwnam(name)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "nothing"
        try:
            os.initgroups(name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            said = function()
        except BaseException as problem:
            said = f"{type(problem).__name__}: {problem}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def make_user(name, *groups):
    run("useradd", "--no-create-home", "--shell", "/bin/sh",
        *(["--groups", ",".join(groups)] if groups else []), name)


class Visitors:
    """Clients that come one after the other, from when `with` is entered to when it is left.  Each
    connects and asks; none may be refused."""

    def __init__(self, path, line, keep=None):
        self.path, self.line, self.keep = path, line, keep
        self.answered, self.cut_off, self.problem, self.longest = 0, 0, None, 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.come, daemon=True)

    def come(self):
        while not self.over.is_set():
            began = time.monotonic()
            try:
                with Client(self.path, patience=10) as client:
                    reply = client.request(self.line)
                    same(reply.verdict, "OK", self.line)
                    self.answered += 1
                    if self.keep is not None:
                        self.keep.append(reply["token"])
            except (Closed, ConnectionResetError, BrokenPipeError):
                self.cut_off += 1       # by its end, with the request on its way
            except Exception as problem:
                self.problem = problem
                return
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.002)           # not to take all of a CPU from what is watched

    def __enter__(self):
        self.thread.start()
        self.have_come(20)
        return self

    def have_come(self, more):
        wanted = self.answered + more
        eventually(lambda: self.answered >= wanted or self.problem, f"{self.line} is answered")
        assert self.problem is None, repr(self.problem)

    def __exit__(self, kind, *_):
        if kind is None:
            self.have_come(20)
        self.over.set()
        self.thread.join(15)
        if kind is None:
            assert self.problem is None, repr(self.problem)

    def __str__(self):
        return (f"{self.answered} connections answered, {self.cut_off} cut off, "
                f"the longest took {1000 * self.longest:.0f} ms")


# -- the first boot ------------------------------------------------------------------------------

@claim("first", within=60)
def packages_install():
    apt("install", *glob.glob(f"{os.getcwd()}/old/*.deb"))
    user = pwd.getpwnam("jeton")
    assert 0 < user.pw_uid < 1000, user
    for name in ("jeton-admin", "jeton-observe", "jeton-table"):
        same(grp.getgrnam(name).gr_mem, [], name)


@claim("first")
def sockets_listen_before_the_service_runs():
    same(state("jetond-admin.socket"), "active")
    same(state("jetond-verify.socket"), "active")
    same(state("jetond-observe.socket"), "inactive")
    same(state("jetond.service"), "inactive")
    for path, mode, group in ((ADMIN, 0o660, "jeton-admin"), (VERIFY, 0o666, "root")):
        st = os.stat(path)
        same((stat.S_IMODE(st.st_mode), st.st_uid, grp.getgrgid(st.st_gid).gr_name),
             (mode, 0, group), path)
    st = os.stat("/run/jeton")
    same((stat.S_IMODE(st.st_mode), st.st_uid), (0o755, 0), "/run/jeton")
    assert not os.path.exists(OBSERVE)


@claim("first")
def first_connection_starts_the_service():
    done(VERIFY, "ping")
    same(state("jetond.service"), "active")
    same(done(VERIFY, "hello")["role"], "verify")
    same(done(ADMIN, "hello")["role"], "admin")
    with open(f"/proc/{main_pid()}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    same(set(status["Uid"].split()), {str(pwd.getpwnam("jeton").pw_uid)})
    same(status["CapPrm"].strip("\t\n0"), "", "capabilities")
    same(status["NoNewPrivs"].strip(), "1")
    same(stat.S_IMODE(os.stat("/var/lib/jeton").st_mode), 0o700)


@claim("first")
def protections_are_in_force_and_reported():
    stats = {line["name"]: line["value"] for line in done(ADMIN, "stats").lines}
    found = {name: value for name, value in stats.items() if name.startswith("protection_")}
    for name in ("unprivileged", "no_new_privs", "not_dumpable", "memory_locked", "seccomp"):
        same(found[f"protection_{name}"], "1", name)        # Landlock: where the kernel has it
    return " ".join(f"{name}={value}" for name, value in found.items())


@claim("first")
def peer_uids_arrive_and_roles_go_by_group():
    make_user("stranger")
    make_user("boss", "jeton-admin")
    make_user("reader", "jeton-table")
    value = create(subject="root")
    made = as_user("boss", lambda: ask(ADMIN, "create subject=boss").verdict)
    same(made, "OK", "a member of jeton-admin")
    by = [line["by"] for line in done(ADMIN, "journal").lines]
    same(by, ["uid:0", f"uid:{pwd.getpwnam('boss').pw_uid}"])
    assert "PermissionError" in as_user("stranger", lambda: ask(ADMIN, "ping").verdict)
    same(as_user("stranger", lambda: ask(VERIFY, f"verify {value}").verdict), "OK")
    same(as_user("stranger", lambda: ask(VERIFY, "table").verdict), "ERR forbidden")
    same(as_user("reader", lambda: ask(VERIFY, "table").verdict), "OK")
    same(as_user("stranger", lambda: ask(VERIFY, "list").verdict), "ERR forbidden")


@claim("first")
def reload_applies_what_can_change():
    pid = main_pid()
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write("[daemon]\nactivation_delay = 1h\n")
    run("systemctl", "reload", "jetond.service")
    eventually(lambda: done(ADMIN, "create")["state"] == "pending", "new tokens are pending")
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write("[daemon]\nactivation_delai = 0s\n")
    run("systemctl", "reload", "jetond.service", check=False)
    eventually(lambda: "activation_delai" in run("journalctl", "--no-pager", "-u", "jetond"),
               "the log says what is wrong")
    same(done(ADMIN, "create")["state"], "pending", "the old configuration stays")
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(before)
    run("systemctl", "reload", "jetond.service")
    eventually(lambda: done(ADMIN, "create")["state"] == "active", "new tokens are active")
    eventually(lambda: state("jetond.service") == "active", "reloading ends")
    same(main_pid(), pid)


@claim("first")
def changes_and_protections_are_in_the_journal():
    value = create(subject="journal")
    token = done(VERIFY, f"id {value}")["id"]
    def entry():
        return run("journalctl", "--no-pager", "-o", "verbose", f"JETON_ID={token}")
    said = eventually(lambda: "JETON_EVENT=" in entry() and entry(), "the journal has the entry")
    for field in ("JETON_EVENT=create", "JETON_BY_UID=0", "MESSAGE_ID=", "PRIORITY=",
                  "_SYSTEMD_UNIT=jetond.service"):
        assert field in said, f"{field} is not in\n{said}"
    assert value not in said


@claim("first")
def a_killed_daemon_answers_again_within_a_second():
    """And everything it had acknowledged is there."""
    acknowledged, taken = [], []
    with Visitors(ADMIN, "create", keep=acknowledged) as visitors:
        for _ in range(3):
            pid = main_pid()
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            while True:
                with contextlib.suppress(Closed, ConnectionResetError, BrokenPipeError):
                    if ask(VERIFY, "ping").verdict == "OK":
                        break
            taken.append(time.monotonic() - began)
            eventually(lambda: main_pid() not in (0, pid), "there is another process")
            visitors.have_come(5)
    # The middle one: others may be at work on this machine.
    assert sorted(taken)[1] < 1 and max(taken) < 5, taken
    with Client(VERIFY) as client:
        for value in acknowledged:
            same(client.request(f"verify {value}").verdict, "OK", "acknowledged before a kill")
    all_verify()
    return (f"after {' '.join(f'{1000 * t:.0f}' for t in taken)} ms; {len(acknowledged)} tokens acknowledged meanwhile "
            f"are all there; {visitors}")


@claim("first", within=40)
def the_watchdog_restarts_a_daemon_that_hangs():
    watchdog = unit("jetond.service", "WatchdogUSec")
    assert watchdog not in ("0", "infinity"), watchdog
    pid = main_pid()
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    # One who comes meanwhile is answered in the end.
    with Client(VERIFY, patience=30) as client:
        client.send("ping")
        with contextlib.suppress(Closed, ConnectionResetError):
            client.reply()
    eventually(lambda: main_pid() not in (0, pid), "there is another process", 30)
    took = time.monotonic() - began
    eventually(lambda: state("jetond.service") == "active", "it is up")
    all_verify()
    assert "watchdog" in run("journalctl", "--no-pager", "-u", "jetond").lower()
    return f"WatchdogSec={watchdog}, answered after {took:.1f} s"


@claim("first")
def a_restart_refuses_no_connection():
    inodes = [os.stat(path).st_ino for path in (ADMIN, VERIFY)]
    with Visitors(VERIFY, "ping") as visitors:
        for _ in range(3):
            run("systemctl", "restart", "jetond.service")
            visitors.have_come(5)
    same([os.stat(path).st_ino for path in (ADMIN, VERIFY)], inodes, "the sockets are the same")
    return str(visitors)


@claim("first")
def the_observe_socket_can_be_added():
    run("systemctl", "stop", "jetond.service")
    run("systemctl", "enable", "--now", "jetond-observe.socket")
    same(done(OBSERVE, "hello")["role"], "observe")
    same(ask(OBSERVE, "create").verdict, "ERR forbidden")
    make_user("watcher", "jeton-observe")
    same(as_user("watcher", lambda: ask(OBSERVE, "list limit=1").verdict), "OK")
    same(done(ADMIN, "hello")["role"], "admin")


@claim("first", within=80)
def a_daemon_that_cannot_start_says_why_and_can_be_mended():
    """It is not tried for ever; clients are then told that nobody is there."""
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write("[daemon]\nworkers = many\n")
    run("systemctl", "stop", "jetond.service")
    sockets = [f"jetond-{role}.socket" for role in ("admin", "verify", "observe")]
    with Client(VERIFY):
        eventually(lambda: {state(name) for name in sockets} == {"failed"}, "systemd gives up", 60)
    said = run("systemctl", "status", "--no-pager", "jetond.service", check=False)
    assert "[daemon] workers" in said, said
    same(state("jetond.service"), "failed")
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(before)
    run("systemctl", "reset-failed", "jetond.service")
    run("systemctl", "restart", "jetond-*.socket")
    all_verify()
    same(done(OBSERVE, "hello")["role"], "observe")


@claim("first")
def figures_are_written_for_prometheus():
    os.makedirs("/var/lib/prometheus/node-exporter", exist_ok=True)
    run("systemctl", "start", "jeton-stats.service")
    path = "/var/lib/prometheus/node-exporter/jeton.prom"
    with open(path) as file:
        text = file.read()
    assert "# TYPE jeton_" in text, text
    same(stat.S_IMODE(os.stat(path).st_mode), 0o644)
    same(os.listdir(os.path.dirname(path)), ["jeton.prom"])
    shutil.rmtree("/var/lib/prometheus/node-exporter")
    run("systemctl", "start", "jeton-stats.service")        # whose condition is not met


class Issuer(http.server.BaseHTTPRequestHandler):
    """Knows one token."""
    VALUE = "issued-elsewhere-0123456789abcdefghij"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        good = urllib.parse.parse_qs(asked).get("token") == [self.VALUE]
        said = json.dumps({"active": good} | ({"sub": "ann"} if good else {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@claim("first", within=40)
def the_network_is_open_with_the_drop_in_and_the_setting_and_not_otherwise():
    if not os.path.exists("/usr/lib/jeton/verifiers/introspect.so"):
        raise Skip("there is no introspect.so")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open("/etc/jeton/jetond.conf") as file:
        before = file.read()
    drop_in = "/etc/systemd/system/jetond.service.d/network.conf"
    os.makedirs(os.path.dirname(drop_in))
    said = {}
    for network, dropped in (("yes", False), ("no", True), ("yes", True)):
        with open("/etc/jeton/jetond.conf", "w") as file:
            file.write(f"[daemon]\nnetwork = {network}\n[service api]\nsufficient = local\n"
                       f"sufficient = introspect url=http://127.0.0.1:{server.server_port}/\n")
        if dropped:
            shutil.copy("/usr/share/doc/jeton/examples/network.conf", drop_in)
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", "jetond.service")
        said[network, dropped] = ask(VERIFY, f"verify service=api {Issuer.VALUE}").verdict
    same(said, {("yes", False): "ERR unavailable", ("no", True): "ERR unavailable",
                ("yes", True): "OK"})
    same(ask(VERIFY, f"verify service=api {Issuer.VALUE.upper()}").verdict, "NO unknown")
    server.shutdown()
    os.unlink(drop_in)
    os.rmdir(os.path.dirname(drop_in))
    with open("/etc/jeton/jetond.conf", "w") as file:
        file.write(before)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "jetond.service")


@claim("first")
def a_password_can_be_a_token():
    if shutil.which("pamtester") is None:
        raise Skip("pamtester is not installed")
    with open("/etc/pam.d/jeton-boot", "w") as file:
        file.write("auth required pam_jeton.so\naccount required pam_jeton.so\n")
    value = create(subject="ann")
    wrong = value[:-1] + ("y" if value.endswith("x") else "x")
    for given, wanted in ((value, 0), (wrong, 1)):
        ended = subprocess.run(["pamtester", "jeton-boot", "ann", "authenticate", "acct_mgmt"],
                               input=given + "\n", text=True, capture_output=True, timeout=20)
        same(ended.returncode != 0, wanted != 0, ended.stderr + ended.stdout)


@claim("first", within=60)
def an_upgrade_refuses_no_connection_and_keeps_the_tokens():
    pid, count = main_pid(), all_verify()
    inodes = [os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)]
    with Client(ADMIN) as connected, Visitors(VERIFY, "ping") as visitors:
        same(connected.request("ping").verdict, "OK")
        apt("install", *glob.glob(f"{os.getcwd()}/new/*.deb"))
        # Who was connected is told so by the end of the connection, and no answer is lost.
        same([reply.verdict for reply in connected.closed()], [])
        eventually(lambda: main_pid() not in (0, pid), "another process serves")
    assert run("dpkg-query", "-W", "-f", "${Version}", "jeton").endswith("+next")
    assert not os.readlink(f"/proc/{main_pid()}/exe").endswith("(deleted)")
    same([os.stat(path).st_ino for path in (ADMIN, VERIFY, OBSERVE)], inodes,
         "the sockets are the same")
    same(state("jetond-observe.socket"), "active", "what was enabled stays so")
    same(all_verify(), count)
    return str(visitors)


# -- the second boot -----------------------------------------------------------------------------

@claim("second")
def after_a_boot_the_sockets_listen_and_the_first_connection_finds_the_tokens():
    for role in ("admin", "verify", "observe"):
        same(state(f"jetond-{role}.socket"), "active", role)
    same(state("jetond.service"), "inactive")
    return f"{all_verify()} tokens"


@claim("second", within=40)
def removal_leaves_no_socket_and_no_process_but_the_tokens():
    pid = main_pid()
    with Client(VERIFY) as connected:
        apt("remove", "jeton", "jeton-verifiers", "libpam-jeton", "libjeton-dev", "libjeton0")
        connected.closed()
    assert not os.path.exists(f"/proc/{pid}"), "the process is there"
    same(glob.glob("/run/jeton/*"), [])
    same(run("systemctl", "list-units", "--plain", "--no-legend",
             "--state=active,activating,deactivating,failed", "jetond*", "jeton-stats*"), "")
    assert os.path.exists(STORE)
    assert os.path.exists("/etc/jeton/jetond.conf")


@claim("second", within=60)
def installed_again_it_has_the_tokens():
    apt("install", *glob.glob(f"{os.getcwd()}/new/*.deb"))
    return f"{all_verify()} tokens"


@claim("second", within=40)
def a_purge_leaves_no_state():
    apt("purge", "jeton", "jeton-verifiers", "libpam-jeton", "libjeton-dev", "libjeton0")
    left = [path for path in ("/run/jeton", "/var/lib/jeton", "/etc/jeton", "/usr/lib/jeton")
            if os.path.exists(path)]
    same(left, [])
    same(glob.glob("/etc/systemd/system/**/jeton*", recursive=True),
         ["/etc/systemd/system/jeton-boot.service"])
    same(glob.glob("/var/lib/systemd/deb-systemd-helper-enabled/**/jeton*", recursive=True), [])
    same(run("sh", "-c", "dpkg-query -W -f '${Package} ${Status}\n' '*jeton*' 2>/dev/null | "
             "grep -v not-installed", check=False), "")


@claim("second")
def what_make_install_installs_works_as_the_readme_says():
    run("sh", "-c", "tar -cC tree . | tar -xC / --keep-directory-symlink")
    for command in ("userdel jeton", "groupdel jeton-admin", "groupdel jeton-observe",
                    "groupdel jeton-table", "systemd-sysusers", "systemd-tmpfiles --create jeton.conf",
                    "systemctl daemon-reload", "ldconfig",
                    "systemctl enable --now jetond-admin.socket jetond-verify.socket"):
        run(*command.split())
    same(state("jetond.service"), "inactive")
    run("jeton", "create", "description=first", "ttl=1h")
    same(os.readlink(f"/proc/{main_pid()}/exe"), "/usr/local/sbin/jetond")
    same(grp.getgrgid(os.stat(ADMIN).st_gid).gr_name, "jeton-admin")
    run("systemctl", "disable", "--now", "jetond-admin.socket", "jetond-verify.socket",
        "jetond.service")
    run("systemctl", "enable", "--now", "jetond.service")       # brings its sockets along
    same([state(f"jetond-{role}.socket") for role in ("admin", "verify")], ["active", "active"])
    assert len(glob.glob("/etc/systemd/system/sockets.target.wants/jetond-*.socket")) == 2


if __name__ == "__main__":
    sys.exit(main())
