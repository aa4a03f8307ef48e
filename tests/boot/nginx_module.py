# SPDX-License-Identifier: Apache-2.0
"""The module for nginx, as its package installs and enables it."""
import glob
import http.client
import os

from support import ADMIN, apt, assert_equal, create, eventually, request_ok, run, state, timeout

SITE = "/etc/nginx/conf.d/jeton-module.conf"
# The application has no port: one that a host has in use already, as Cockpit or Prometheus do, fails the restart.
CONFIG = """
server {
    listen 127.0.0.1:8090;
    location / {
        jeton other scope=deploy;
        proxy_set_header X-Jeton-Subject $jeton_subject;
        proxy_pass http://unix:/run/application.sock;
    }
}
server { listen unix:/run/application.sock; location / { return 200 "<$http_x_jeton_subject>"; } }
"""


def ask(token=None):
    """Return the status and, of a pass, what the application was given."""
    connection = http.client.HTTPConnection("127.0.0.1", 8090, timeout=10)
    connection.request("GET", "/", headers={"X-Jeton-Subject": "root"} | ({"Authorization": f"Bearer {token}"} if token else {}))
    response = connection.getresponse()
    body = response.read().decode()
    return (response.status, body) if response.status == 200 else response.status


def a_worker_has_the_table():
    for pid in run("pgrep", "--full", "nginx: worker process").split():
        with open(f"/proc/{pid}/maps") as file:
            if "memfd:jeton-table" in file.read():
                return True
    return False


@timeout(40)
def the_nginx_module_lets_good_tokens_pass():
    assert os.path.exists("/etc/nginx/modules-enabled/50-mod-http-jeton.conf")
    with open(SITE, "w") as file:
        file.write(CONFIG)
    run("usermod", "--append", "--groups", "jeton-table", "www-data")
    run("systemctl", "restart", "nginx.service")
    token = request_ok(ADMIN, "create subject=cyd scopes=deploy")
    other, poor = create(subject="dan", scopes="deploy"), create(subject="dan")
    assert_equal([ask(), ask("x" * 40), ask(poor), ask(token["token"])], [401, 401, 403, (200, "<cyd>")])
    eventually(lambda: ask(other) == (200, "<dan>") and a_worker_has_the_table(), "the worker has the table")
    request_ok(ADMIN, f"revoke {token['id']}")
    assert_equal(ask(token["token"]), 401)
    run("systemctl", "restart", "jetond.service")
    assert_equal([ask(other), ask(token["token"])], [(200, "<dan>"), 401], "the next daemon is asked")


@timeout(40)
def the_nginx_module_lets_good_tokens_pass_after_a_boot_and_an_upgrade():
    assert run("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-http-jeton").endswith("+next")
    the_nginx_module_lets_good_tokens_pass()


@timeout(40)
def nginx_goes_on_without_the_module():
    """Once its configuration does not name it any more."""
    os.remove(SITE)
    apt("remove", "libnginx-mod-http-jeton")
    assert_equal(glob.glob("/etc/nginx/modules-enabled/*jeton*.conf"), [])
    run("systemctl", "restart", "nginx.service")
    assert_equal(state("nginx.service"), "active")
