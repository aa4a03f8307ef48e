# SPDX-License-Identifier: Apache-2.0
"""The modules for other languages, as their packages install them."""
import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import tempfile

from support import ADMIN, Skip, assert_equal, create, eventually, request_ok, run, timeout

PYTHON = """
import asyncio, sys, jeton, jeton.aio, jeton.asgi, jeton.wsgi
value = sys.stdin.readline().strip()
claims = jeton.Jeton().verify(value, scopes="deploy")
print(claims.subject, claims.source)
async def ask():
    async with jeton.aio.Client() as client:
        print((await client.verify(value, scopes=["deploy"])).subject, await client.check(value, "admin") is jeton.Status.SCOPE)
asyncio.run(ask())
"""
LUA = """
local tokens = assert(require("jeton").open())
local claims = assert(tokens:verify(arg[1], { scope = "deploy" }))
print(claims.subject, claims.source, (select(2, tokens:verify(arg[1], { scope = "admin" }))))
"""
EXAMPLES = "/usr/share/doc/lua-jeton/examples"


def the_python_module_verifies():
    value = create(subject="ann", scopes="deploy")
    printed = run("/usr/bin/python3", "-c", PYTHON, input=value + "\n", env=os.environ | {"PYTHONSAFEPATH": "1"})
    assert_equal(printed.split(), ["ann", "table", "ann", "True"])


def the_lua_modules_verify():
    """Of each Lua that is here."""
    value = create(subject="ann", scopes="deploy")
    found = [program for program in ("lua5.3", "lua5.4", "luajit") if shutil.which(program)]
    if not found:
        raise Skip("no Lua is installed")
    for program in found:
        assert_equal(run(program, "-", value, input=LUA).split(), ["ann", "table", "scope"], program)
    return ", ".join(found)


def status_of(authorization):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
    connection.request("GET", "/", headers={} if authorization is None else {"Authorization": authorization})
    return connection.getresponse().status


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def application():
    """What the example's configuration has behind it."""
    with tempfile.TemporaryDirectory() as empty:
        server = subprocess.Popen(["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", empty, "8081"],
                                  stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: listens(8081), "the application listens")
            yield
        finally:
            server.terminate()
            server.wait(10)


def need_haproxy():
    if shutil.which("haproxy") is None:
        raise Skip("haproxy is not installed")
    shutil.copy(f"{EXAMPLES}/jeton.lua", "/etc/haproxy/jeton.lua")


def haproxy_lets_good_tokens_pass_by_the_example():
    need_haproxy()
    token = request_ok(ADMIN, "create subject=ann scopes=deploy")
    proxy = subprocess.Popen(["haproxy", "-Ws", "-f", f"{EXAMPLES}/haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        with application():
            eventually(lambda: listens(8080), "HAProxy listens")
            good = f"Bearer {token['token']}"
            assert_equal([status_of(None), status_of("Bearer x"), status_of(good)], [401, 401, 200])
            request_ok(ADMIN, f"revoke {token['id']}")
            assert_equal(status_of(good), 401)
    finally:
        proxy.terminate()
        proxy.wait(10)


@timeout(40)
def haproxy_in_a_chroot_reaches_a_restarted_daemon():
    """As plugin/lua/README.md says, with the service of its package."""
    need_haproxy()
    value = create(subject="ann", scopes="deploy")
    with open(f"{EXAMPLES}/haproxy.cfg") as file:
        text = file.read()
    with open("/etc/haproxy/haproxy.cfg", "w") as file:
        file.write(text.replace("global\n", "global\n    chroot /var/lib/haproxy\n", 1))
    os.makedirs("/etc/systemd/system/haproxy.service.d", exist_ok=True)
    with open("/etc/systemd/system/haproxy.service.d/jeton.conf", "w") as file:
        file.write("[Service]\nBindReadOnlyPaths=/run/jeton:/var/lib/haproxy/run/jeton\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "haproxy.service")
    with application():
        assert_equal([status_of(None), status_of(f"Bearer {value}")], [401, 200])
        run("systemctl", "restart", "jetond.service")
        assert_equal([status_of(None), status_of(f"Bearer {value}")], [401, 200])
    run("systemctl", "stop", "haproxy.service")
    shutil.rmtree("/etc/systemd/system/haproxy.service.d")
    run("systemctl", "daemon-reload")
