# SPDX-License-Identifier: Apache-2.0
"""Start, configuration, reload, end; sockets that are inherited; what is confined."""
import grp
import os
import select
import signal
import socket
import stat
import subprocess
import tempfile

from gateway import ASKED, ASKS, Connection, Gateway, bearer, request, run_gateway
from pam_stack import need_program
from ports import free_port
from requirements import need_plain_build, need_root
from settings import BUILD
from waiting import eventually


def check(*settings, config="[site api]\n", directory=None):
    """Run --check; return its exit status and what it printed."""
    directory = directory or tempfile.mkdtemp()
    with open(f"{directory}/gateway.conf", "w") as file:
        file.write(config)
    own = [f"gateway.path={directory}/http.sock", "gateway.group=", f"gateway.socket={directory}/verify.sock"]
    done = run_gateway("--config", f"{directory}/gateway.conf", "--check",
                       *(word for one in (*own, *settings) for word in ("--set", one)))
    return done.returncode, done.stdout + done.stderr


GOOD = ["[site a]", "\ufeff[site a]\nscope = a", "[site a.b-c_D9]\nscope = a,b:c/d", "[site a]\nservice = git\nsubject = änn\nrealm = the \"API\"".replace('"', "'"),
        "[gateway]\nmax_connections = 10\nmax_connections_per_uid = 10\n[site a]\naccept = bearer,basic,header:X-Key",
        "# nothing\n; here\n\n[gateway]\nhead_timeout = 5s ; a comment\nidle_timeout = 0s\ntcp = 127.0.0.1:8770\n[site a]\n",
        "[gateway]\ntcp = [::1]:8770\nmode = 0600\nadmin = /x\nadmin_mode = 660\nsandbox = no\nlog_level = error\n[site a]"]

# What is wrong, and what names it.
BAD = [("", "there is no site"), ("[gateway]", "there is no site"), ("[site]\n[site a]", ":1:"), ("[site a b]", ":1:"),
       ("[site .a]", ":1:"), ("[site ä]", ":1:"), ("[site " + "a" * 33 + "]", ":1:"), ("[other]\n[site a]", ":1:"),
       ("[site a]\n[site a]", ":2: this section is given twice"), ("[gateway]\n[gateway]\n[site a]", ":2:"),
       ("[site a]\nscope = x\nscope = y", ":3: scope: this key is given twice"), ("[site a]\nscop = x", ":2: scop"),
       ("[site a]\nscope =", ":2:"), ("[site a]\nscope = a b", ":2:"), ("[site a]\nsubject =", ":2:"),
       ("[site a]\nservice = a,b", ":2:"), ("[site a]\nrealm = a\"b", ":2:"), ("[site a]\nrealm =", ":2:"),
       ("[site a]\naccept =", ":2:"), ("[site a]\naccept = cookie", ":2:"), ("[site a]\naccept = header:Host", ":2:"),
       ("[site a]\nnonsense", ":2:"), ("[site a] x", ":1:"), ("[site a", ":1:"), ("scope = x\n[site a]", ":1:"),
       ("[site a]\nscope = a,\n  b", ":3:"), ("[site a]\n scope = b", ":2:"), ("[site a]\nrealm = " + "x" * 200, ":2:"),
       ("[site a]\nrealm = a\0b", ":2:"), ("[gateway]\nmode = 8\n[site a]", ":2:"), ("[gateway]\nmode = 01777\n[site a]", ":2:"),
       ("[gateway]\npath = x\n[site a]", ":2:"), ("[gateway]\npath = /" + "x" * 120 + "\n[site a]", ":2:"),
       ("[gateway]\ntcp = 0.0.0.0:80\n[site a]", ":2:"), ("[gateway]\ntcp = 10.0.0.1:80\n[site a]", ":2:"),
       ("[gateway]\ntcp = 127.0.0.1\n[site a]", ":2:"), ("[gateway]\ntcp = localhost:80\n[site a]", ":2:"),
       ("[gateway]\ntcp = 127.0.0.1:0\n[site a]", ":2:"), ("[gateway]\ntcp = [::]:80\n[site a]", ":2:"),
       ("[gateway]\nhead_timeout = 0s\n[site a]", ":2:"), ("[gateway]\nhead_timeout = 5\n[site a]", ":2:"),
       ("[gateway]\nmax_connections = 0\n[site a]", ":2:"), ("[gateway]\nlog_level = loud\n[site a]", ":2:"),
       ("[gateway]\nsocket =\n[site a]", ":2:"), ("[gateway]\nsandbox = yes\n[site a]", ":2:"),
       ("[gateway]\nmax_connections = 10\n[site a]", "max_connections_per_uid"),
       ("".join(f"[site s{i}]\n" for i in range(257)), ":257:")]


def test_good_configurations_are_accepted():
    for config in GOOD:
        status, output = check(config=config)
        assert (status, "configuration: OK" in output) == (0, True), (config, output)


def test_faults_of_configurations_are_named_with_their_lines():
    for config, wanted in BAD:
        status, output = check(config=config)
        assert status == 2 and wanted in output and "OK" not in output, (config, output)
    status, output = check(config="[site a]\nx = 1\n[nonsense]\n[site b]\ny = 1\n")
    assert status == 2 and all(f":{line}:" in output for line in (2, 3, 5)), "all of them at once"


def test_a_start_that_fails_says_what_to_do(daemon, gateway):
    g = gateway(daemon())
    for settings, wanted in ((["gateway.path=/nonexistent/http.sock"], "make its directory, or give another path"),
                             (["gateway.group=nosuchgroup"], "[gateway] group: there is no group nosuchgroup"),
                             (["site api.subject=" + "a" * 257], "at most 256 bytes")):
        done = run_gateway(*g.arguments(), *(word for one in settings for word in ("--set", one)))
        assert done.returncode in (1, 2) and wanted in done.stderr, done
    assert "add a section [site NAME] to /dev/null" in run_gateway("--config", "/dev/null", "--check").stderr
    assert "--set takes longer values" in check(config="[site a]\nsubject = " + "a" * 200)[1]


def test_a_socket_that_others_could_have_put_there_ends_the_start(daemon):
    d = daemon()
    os.chmod(d.directory, 0o777)
    status, output = check(f"gateway.socket={d.path('verify')}")
    os.chmod(d.directory, 0o700)
    assert status == 2 and f"{d.path('verify')}: it is not to be trusted" in output, output


def test_a_daemon_that_does_not_listen_is_named_in_the_log(daemon, gateway):
    d = daemon()
    g = gateway(d)
    assert "until jetond listens there" not in g.log() and f"listening for proxies on {g.path}\n" in g.log()
    d.stop()
    g.reload()
    assert f"warning: the daemon's socket {d.path('verify')}: Connection refused" in g.log() or \
        f"warning: the daemon's socket {d.path('verify')}: No such file" in g.log()
    status, output = check()
    assert status == 0 and "verify.sock: No such file or directory; until jetond listens there, no token passes" in output


def test_a_request_for_no_site_is_logged_without_a_word_of_it(daemon, gateway):
    g = gateway(daemon(), "gateway.log_level=debug")
    assert g.ask(target="/verify/unheard-of").status == 404
    eventually(lambda: "is refused: it is for no site of the configuration" in g.log(), "it is logged")
    assert "unheard-of" not in g.log()


def test_settings_are_changed_by_set():
    assert check("site b.c.scope=x", "gateway.mode=0600", "site api.realm=x", "site api.realm=y")[0] == 0
    for wrong in ("nonsense", "gateway=x", "gateway.nonsense=1", "site.scope=x", "site a.scope=", "other.x=1"):
        assert check(wrong)[0] == 2, wrong


def test_options_that_are_wrong_end_with_status_2(daemon):
    for wrong in (["--nonsense"], ["x"], ["--config"], ["--config", "/nonexistent", "--check"], ["--config", "/", "--check"],
                  ["--set", "gateway.group=nosuchgroup", "--check", "--config", "/dev/null", "--set", "site a.realm=x"]):
        assert run_gateway(*wrong).returncode == 2, wrong
    for right in (["--help"], ["--version"]):
        assert run_gateway(*right).returncode == 0


def test_a_socket_that_is_in_use_ends_the_start_with_status_1(daemon, gateway):
    d = daemon()
    g = gateway(d)
    done = run_gateway(*g.arguments())
    assert done.returncode == 1 and "another process listens" in done.stderr, done
    assert g.verify(d.create()["token"]).status == 200, "and the first one goes on"
    with open(f"{g.directory}/file", "w"):
        pass
    done = run_gateway(*g.arguments(), "--set", f"gateway.path={g.directory}/file")
    assert done.returncode == 1 and "not a socket" in done.stderr, done


def test_sockets_have_their_mode_and_group_and_are_removed(daemon, gateway):
    need_root()
    g = gateway(daemon(), "gateway.group=www-data", "gateway.mode=0660")
    st = os.stat(g.path)
    assert (stat.S_IMODE(st.st_mode), st.st_gid) == (0o660, grp.getgrnam("www-data").gr_gid)
    assert stat.S_IMODE(os.stat(g.admin).st_mode) == 0o600
    g.reload()
    g.stop()
    assert not os.path.exists(g.path) and not os.path.exists(g.admin)


def test_a_socket_that_was_left_behind_is_replaced(daemon, gateway):
    d = daemon()
    g = gateway(d)
    g.process.kill()
    g.process.wait()
    assert os.path.exists(g.path)
    again = gateway(d, f"gateway.path={g.path}")
    with Connection(again.path if os.path.exists(again.path) else g.path) as connection:
        assert connection.ask(request()).status == 401


# -- reload --------------------------------------------------------------------------------------

def test_a_reload_changes_the_sites_for_the_next_request(daemon, gateway):
    d = daemon()
    g = gateway(d, config="[site api]\n")
    token = d.create()["token"]
    with g.connect() as connection:
        ask = request("/verify/api", bearer(token))
        assert connection.ask(ask).status == 200
        g.reload("[site api]\nscope = x\n[site new]\n")
        assert connection.ask(ask).status == 403
        assert connection.ask(request("/verify/new", bearer(token))).status == 200
        g.reload("[site new]\n")
        assert connection.ask(ask).status == 404
    assert g.metric("reloads_total") == 2


def test_a_reload_with_a_fault_changes_nothing(daemon, gateway):
    d = daemon()
    g = gateway(d, config="[site api]\n")
    token = d.create()["token"]
    g.reload("[site api]\nscope = x\nnonsense\n")
    assert g.verify(token).status == 200
    assert "gateway.conf:9: neither" in g.log(), g.log()
    eventually(lambda: g.metric("reloads_failed_total") == 1, "it is counted")
    g.reload("[site api]\nscope = x\n")
    assert g.verify(token).status == 403


def threads(g):
    return len(os.listdir(f"/proc/{g.process.pid}/task"))


def test_questions_that_wait_survive_a_reload(daemon, gateway):
    d = daemon(config=ASKED)
    g = gateway(d, "gateway.verify_timeout=20s", config=ASKS)
    token = d.create(subject="ann")["token"]
    with d.stopped(), g.connect() as connection:
        connection.send(request("/verify/api", bearer(token)))
        eventually(lambda: g.metric("questions_waiting") == 1, "it waits")
        g.configure(ASKS + "scope = y\n")
        before = threads(g)
        g.process.send_signal(signal.SIGHUP)
        # The thread that loads waits for the daemon, and nobody else does.
        eventually(lambda: threads(g) > before, "it loads")
        for _ in range(2):
            g.process.send_signal(signal.SIGHUP)
        assert g.ask("/verify/none").status == 404
        os.kill(d.pid, signal.SIGCONT)
        assert connection.response().status == 200, "it was asked for the old rules"
    eventually(lambda: g.log().count("reload: 1 site") == 2, "once for the first signal, and once for all that came meanwhile")
    assert g.verify(token).status == 403, "the new rules are in force"


# -- the end -------------------------------------------------------------------------------------

def test_what_came_before_the_end_is_answered(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    idle, half = g.connect(), g.connect()
    assert idle.ask(request("/verify/api", bearer(token))).status == 200
    whole = request("/verify/api", bearer(token))
    half.send(whole[:30])
    eventually(lambda: g.metric("connections") == 3, "all are accepted")
    g.process.send_signal(signal.SIGTERM)
    assert idle.response() is None
    half.send(whole[30:])
    response = half.response()
    assert (response.status, response.get("connection")) == (200, "close")
    assert half.is_closed()
    g.ended()
    assert not os.path.exists(g.path)


def test_a_reload_that_takes_long_holds_up_neither_requests_nor_the_end(daemon, gateway):
    d = daemon()
    g = gateway(d, config="[site api]\n")
    token = d.create()["token"]
    g.configure("[site api]\n" + "".join(f"[site s{i}]\nservice = s{i}\n" for i in range(100)))
    with d.stopped():       # each handle that is opened waits for it
        g.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(os.listdir(f"/proc/{g.process.pid}/task")) > 1, "it loads")
        assert g.verify(token).status == 200, "the table is still believed"
        g.process.send_signal(signal.SIGTERM)
        g.ended()


# -- inherited sockets ---------------------------------------------------------------------------

def listening(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


def test_sockets_of_the_service_manager_are_used(daemon, gateway):
    d = daemon()
    directory = tempfile.mkdtemp()
    tcp = socket.create_server(("127.0.0.1", 0))
    paths = [f"{directory}/{name}" for name in ("http", "admin")]
    http, admin = map(listening, paths)
    for names in (("http", "admin"), ("jeton-gateway.socket", "jeton-gateway-admin.socket")):
        g = gateway(d, sockets={names[0]: http, names[1]: admin})
        token = d.create()["token"]
        with Connection(paths[0]) as connection:
            assert connection.ask(request("/verify/api", bearer(token))).status == 200
            assert connection.ask(request("/metrics")).status == 404
        with Connection(paths[1]) as connection:
            assert connection.ask(request("/healthz")).body == b"ok\n"
            assert connection.ask(request("/verify/api", bearer(token))).status == 404
            assert connection.ask(request("/metrics", method="POST")).status == 405
            response = connection.ask(request("/metrics", method="HEAD"), head_only=True)
            assert response.status == 200 and int(response.get("content-length")) > 1000
        assert not os.path.exists(g.path) and not os.path.exists(g.admin)
        g.stop()
        assert os.path.exists(paths[0]), "they are not ours to remove"
    g = gateway(d, sockets={"http": tcp})
    with Connection(tcp.getsockname()) as connection:
        assert connection.ask(request("/verify/api", bearer(d.create()["token"]))).status == 200
    for sock in http, admin, tcp:
        sock.close()


def test_a_start_that_fails_answers_those_who_connect(daemon, gateway):
    path = f"{tempfile.mkdtemp()}/http"
    http = listening(path)
    g = Gateway(daemon(), config="[site api]\nnonsense\n", sockets={"http": http}).spawn()
    with Connection(path) as connection:
        eventually(lambda: not select.select([http], [], [], 0)[0], "the connection is taken, before the request comes")
        response = connection.ask(request())
        assert (response.status, response.get("retry-after")) == (503, "1")
    g.ended(2)
    http.close()


def test_a_descriptor_with_another_name_ends_the_start(daemon):
    for name, sock in (("other", listening(f"{tempfile.mkdtemp()}/s")), ("http", socket.socket(socket.AF_UNIX))):
        Gateway(daemon(), sockets={name: sock}).spawn().ended(2)
        sock.close()


def test_tcp_is_served_where_it_is_configured(daemon, gateway):
    d = daemon()
    port = free_port()
    g = gateway(d, f"gateway.tcp=127.0.0.1:{port}", "gateway.path=")
    assert not os.path.exists(g.path)
    with Connection(("127.0.0.1", port)) as connection:
        for _ in range(3):
            assert connection.ask(request("/verify/api", bearer(d.create()["token"]))).status == 200


# -- confinement ---------------------------------------------------------------------------------

def test_it_confines_itself(daemon, gateway):
    need_plain_build()
    g = gateway(daemon())
    status = dict(line.split(":", 1) for line in open(f"/proc/{g.process.pid}/status") if ":" in line)
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    with open(f"/proc/{g.process.pid}/limits") as file:
        core = next(line for line in file if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert "sandbox: not protected by a system call filter" not in g.log()


def test_a_user_with_no_rights_can_run_it(daemon, gateway):
    need_root()
    d = daemon("verify.mode=0666")
    os.chmod(d.directory, 0o755)
    os.chmod(os.path.dirname(d.directory), 0o755)
    g = gateway(d, uid=65534)
    assert g.verify(d.create()["token"]).status == 200


def test_metrics_are_as_prometheus_wants_them(daemon, gateway):
    promtool = need_program("promtool", "prometheus")
    g = gateway(daemon())
    g.ask()
    done = subprocess.run([promtool, "check", "metrics"], input=g.read("/metrics").body, capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done


def test_it_is_linked_with_what_it_needs_only():
    need_plain_build()
    output = subprocess.run(["ldd", f"{BUILD}/jeton-gateway"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0].split(".so")[0] for line in output.splitlines() if "=>" in line}
    assert names <= {"libevent_core-2.1", "libinih", "libseccomp", "libsodium", "libc"}, names
