# SPDX-License-Identifier: Apache-2.0
"""jeton-gateway's units, and requests through nginx with the configuration that the package has."""
import grp
import http.client
import os
import pwd
import shutil
import socket
import stat

from support import (ADMIN, Skip, assert_equal, create, eventually, request_ok, run, state, unit)

HTTP, MONITORING = "/run/jeton-gateway/http.sock", "/run/jeton-gateway/admin.sock"
EXAMPLE = "/usr/share/doc/jeton-gateway/examples/nginx/jeton.conf"
APPLICATION = 'server { listen 127.0.0.1:9000; location / { return 200 "$http_x_jeton_subject"; } }\n'


def get(path, target, *fields):
    """Ask over a Unix socket; return the whole response."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        lines = [f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *fields, "", ""]
        sock.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


def through_nginx(token=None):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
    connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    return response.status, response.read().decode()


def configure(site):
    with open("/etc/jeton/gateway.conf", "a") as file:
        file.write(site)


def the_first_connection_starts_the_gateway():
    assert_equal((state("jeton-gateway.socket"), state("jeton-gateway.service")), ("active", "inactive"))
    st = os.stat(HTTP)
    assert_equal((stat.S_IMODE(st.st_mode), st.st_uid, grp.getgrgid(st.st_gid).gr_name), (0o660, 0, "www-data"))
    value = create(subject="ann", scopes="api")
    assert get(HTTP, "/verify/any", f"Authorization: Bearer {value}").startswith("HTTP/1.1 200 OK\r\n")
    assert get(HTTP, "/verify/any").startswith("HTTP/1.1 401 ")
    assert_equal(state("jeton-gateway.service"), "active")
    with open(f"/proc/{unit('jeton-gateway.service', 'MainPID')}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    user = pwd.getpwnam("jeton-gateway")
    assert_equal(set(status["Uid"].split()), {str(user.pw_uid)})
    assert str(grp.getgrnam("jeton-table").gr_gid) in status["Groups"].split()
    assert_equal((status["CapEff"].strip(), status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("0" * 16, "1", "2"))


def a_reload_of_the_gateway_takes_over_its_sites_and_fails_visibly():
    value = create(scopes="api")
    configure("\n[site api]\nscope = api\n")
    run("systemctl", "reload", "jeton-gateway.service")
    eventually(lambda: " 200 " in get(HTTP, "/verify/api", f"Authorization: Bearer {value}").split("\n")[0], "the site is there")
    pid = unit("jeton-gateway.service", "MainPID")
    configure("nonsense\n")
    assert "neither" in run("sh", "-c", "! systemctl reload jeton-gateway.service && journalctl -u jeton-gateway -n 20")
    with open("/etc/jeton/gateway.conf") as file:
        text = file.read().replace("nonsense\n", "")
    with open("/etc/jeton/gateway.conf", "w") as file:
        file.write(text)
    assert_equal(unit("jeton-gateway.service", "MainPID"), pid)
    assert " 200 " in get(HTTP, "/verify/api", f"Authorization: Bearer {value}").split("\n")[0]


def the_monitoring_socket_can_be_added():
    run("systemctl", "stop", "jeton-gateway.service")
    run("systemctl", "enable", "--now", "jeton-gateway-admin.socket")
    assert get(MONITORING, "/healthz").endswith("\r\n\r\nok\n")
    value = create(scopes="api")
    for _ in range(3):
        assert " 200 " in get(HTTP, "/verify/api", f"Authorization: Bearer {value}").split("\n")[0]
    metrics = dict(line.rsplit(" ", 1) for line in get(MONITORING, "/metrics").splitlines() if line.startswith("jeton_"))
    assert int(metrics['jeton_gateway_verdicts_by_total{source="table"}']) >= 2, "the table is shared with it"


def a_tcp_port_can_be_added_to_the_socket():
    os.makedirs("/etc/systemd/system/jeton-gateway.socket.d")
    with open("/etc/systemd/system/jeton-gateway.socket.d/tcp.conf", "w") as file:
        file.write("[Socket]\nListenStream=127.0.0.1:8770\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "jeton-gateway.socket")
    connection = http.client.HTTPConnection("127.0.0.1", 8770, timeout=10)
    for token, status in ((create(), 200), ("x" * 40, 401)):
        connection.request("GET", "/verify/any", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        assert_equal((response.status, response.read()), (status, b""))
    assert get(HTTP, "/verify/any").startswith("HTTP/1.1 401 "), "the other one is still there"
    shutil.rmtree("/etc/systemd/system/jeton-gateway.socket.d")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "jeton-gateway.socket")


def nginx_lets_pass_whoever_has_a_token():
    if shutil.which("nginx", path="/usr/sbin") is None:
        raise Skip("nginx is not installed")
    shutil.copy(EXAMPLE, "/etc/nginx/conf.d/jeton.conf")
    with open("/etc/nginx/conf.d/application.conf", "w") as file:
        file.write(APPLICATION)
    run("systemctl", "restart", "nginx.service")
    token = request_ok(ADMIN, "create subject=bea scopes=api")
    assert_equal(through_nginx(), (401, through_nginx()[1]))
    assert_equal(through_nginx(token["token"]), (200, "bea"))
    request_ok(ADMIN, f"revoke {token['id']}")
    assert_equal(through_nginx(token["token"])[0], 401)


def nginx_lets_pass_whoever_has_a_token_after_a_boot_and_an_upgrade():
    nginx_lets_pass_whoever_has_a_token()
    assert run("dpkg-query", "-W", "-f", "${Version}", "jeton-gateway").endswith("+next")
    assert_equal(state("jeton-gateway-admin.socket"), "active", "what was enabled stays so")
