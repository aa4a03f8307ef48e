# SPDX-License-Identifier: Apache-2.0
"""The modules for other languages, as their packages install them."""
import http.client
import os
import shutil
import subprocess

from support import ADMIN, Skip, assert_equal, create, eventually, request_ok, run

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


def haproxy_lets_good_tokens_pass_by_the_example():
    if shutil.which("haproxy") is None:
        raise Skip("haproxy is not installed")
    token = request_ok(ADMIN, "create subject=ann scopes=deploy")
    value = token["token"]
    shutil.copy(f"{EXAMPLES}/jeton.lua", "/etc/haproxy/jeton.lua")
    os.mkdir("empty")
    application = subprocess.Popen(["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "empty", "8081"],
                                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    proxy = subprocess.Popen(["haproxy", "-Ws", "-f", f"{EXAMPLES}/haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: subprocess.run(["sh", "-c", "grep -q 1F91 /proc/net/tcp && grep -q 1F90 /proc/net/tcp"]
                                          ).returncode == 0, "both listen")
        assert_equal([status_of(None), status_of("Bearer x"), status_of(f"Bearer {value}")], [401, 401, 200])
        request_ok(ADMIN, f"revoke {token['id']}")
        assert_equal(status_of(f"Bearer {value}"), 401)
    finally:
        for process in proxy, application:
            process.terminate()
            process.wait(10)
