# SPDX-License-Identifier: Apache-2.0
"""The page API Access Tokens, as the packages install it: over `jeton web`, and in Cockpit under its own login."""
import base64
import contextlib
import http.client
import os
import pwd
import shutil
import signal
import subprocess

from support import ADMIN, Skip, assert_equal, eventually, make_user, request_ok, run, timeout

PASSWORD = "the administrator's"


@contextlib.contextmanager
def jeton_web(user):
    """Run `jeton web` as that user; give host, origin and secret of its link."""
    process = subprocess.Popen(["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "jeton", "web", "--no-browser"],
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env={"PATH": "/usr/bin:/bin"})
    try:
        origin, _, secret = process.stdout.readline().strip().partition("/#")
        assert origin and secret, "jeton web prints no link"
        yield origin.partition("//")[2], origin, secret
        process.send_signal(signal.SIGINT)
        assert_equal(process.wait(10), 0)
    finally:
        process.kill()
        process.wait()


def ask(host, method, path, body=None, **fields):
    connection = http.client.HTTPConnection(host, timeout=15)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()})
    response = connection.getresponse()
    return response.status, response.read().decode(), response


def post(host, origin, line, secret):
    return ask(host, "POST", "/exchange", f"{line}\nquit\n", Origin=origin, Authorization=f"Bearer {secret}")


def log_in(user, password):
    """Return the session's cookie, or None."""
    try:
        status, _, response = ask("127.0.0.1:9090", "GET", "/cockpit/login",
                                  Authorization="Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    except OSError:
        return None
    return response.getheader("Set-Cookie").split(";")[0] if status == 200 else None


def jeton_web_serves_its_user_with_the_rights_of_the_groups():
    make_user("web-admin", "jeton-admin")
    run("chpasswd", input=f"web-admin:{PASSWORD}\n")
    with jeton_web("web-admin") as (host, origin, secret):
        status, page, response = ask(host, "GET", "/")
        assert_equal((status, "<title>API Access Tokens</title>" in page), (200, True))
        assert "default-src 'none'" in response.getheader("Content-Security-Policy")
        assert_equal(ask(host, "GET", "/main.js")[0], 200)
        status, answer, _ = post(host, origin, "create description=page", secret)
        assert_equal((status, answer.startswith("OK id=")), (200, True), answer)
        assert_equal(post(host, origin, "list", "x" * len(secret))[0], 401)
    uid = pwd.getpwnam("web-admin").pw_uid
    assert_equal([row["description"] for row in request_ok(ADMIN, f"list by=uid:{uid}").lines], ["page"])


@timeout(90)
def cockpit_has_the_page_behind_its_login():
    if not os.path.exists("/usr/lib/systemd/system/cockpit.socket") or shutil.which("cockpit-bridge") is None:
        raise Skip("Cockpit is not installed")
    run("systemctl", "start", "systemd-user-sessions.service", "cockpit.socket")     # before the first, nobody may log in
    try:
        login = eventually(lambda: log_in("web-admin", PASSWORD), "Cockpit answers", within=60)
        assert_equal(log_in("web-admin", "wrong"), None)
        status, page, _ = ask("127.0.0.1:9090", "GET", "/cockpit/@localhost/jeton/index.html", Cookie=login)
        assert_equal((status, '<script src="../base1/cockpit.js">' in page), (200, True))
        assert "API Access Tokens" not in ask("127.0.0.1:9090", "GET", "/cockpit/@localhost/jeton/index.html")[1], "only who logged in has it"
    finally:
        run("systemctl", "stop", "cockpit.socket", "cockpit.service")
