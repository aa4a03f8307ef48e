# SPDX-License-Identifier: Apache-2.0
"""The Lua module: what it takes, and that it leaves nothing behind."""
import os
import re
import subprocess

import pytest

from askers import environment, need_library, need_programs
from settings import BUILD, PATIENCE, ROOT, scaled

VERSIONS = {"lua5.3": "5.3", "lua5.4": "5.4", "luajit": "5.1"}
each_lua = pytest.mark.parametrize("program", VERSIONS)

MISUSE = """
local jeton = require "jeton"
local path, value = arg[1], arg[2]
local tokens = assert(jeton.open { socket = path })
local function fails(wanted, call, ...)
    local done, message = pcall(call, ...)
    assert(not done and message:find(wanted, 1, true), tostring(message))
end
assert(tokens:verify(value, { scope = "a", subject = "ann" }).subject == "ann")
assert(tokens:verify(value, nil).scopes == "a,b" and tokens:verify(value, {}).source == "table")
fails("there is no option scopes", tokens.verify, tokens, value, { scopes = "a" })
fails("there is no option ", tokens.verify, tokens, value, { "a" })
fails("there is no option sevice", jeton.open, { sevice = "api" })
fails("a NUL is inside", tokens.verify, tokens, value, { subject = "ann\\0" })
fails("a string is needed", tokens.verify, tokens, value, { scope = { "a" } })
fails("a string is needed", tokens.verify, tokens, value, { scope = false })
fails("string expected", tokens.verify, tokens, nil)
fails("string expected", tokens.verify, tokens, 12345)
fails("table expected", tokens.verify, tokens, value, "a")
fails("handle", tokens.verify, io.stdout, value)
fails("handle", tokens.verify, {}, value)
fails("timeout", jeton.open, { socket = path, timeout = 0 })
fails("timeout", jeton.open, { socket = path, timeout = 0/0 })
fails("timeout", jeton.open, { socket = path, timeout = "soon" })
fails("realm", tokens.authorize, tokens, nil, { realm = 'a"b' })
fails("realm", tokens.authorize, tokens, nil, { realm = "" })
fails("table expected", tokens.authorize, tokens, true)
local handle, message = jeton.open { socket = "relative" }
assert(handle == nil and message:find("relative: ", 1, true))
assert(select("#", tokens:verify("x")) == 3 and select(2, tokens:verify(value, { scope = "" })) == "invalid")
assert(getmetatable(tokens) == "jeton")
tokens:close()
tokens:close()
fails("closed", tokens.verify, tokens, value)
print("done")
"""

LEAK = """
local jeton = require "jeton"
local path, value, rounds = arg[1], arg[2], tonumber(arg[3])
local tokens = assert(jeton.open { socket = path })
local function resident()
    collectgarbage() collectgarbage()
    for line in io.lines("/proc/self/status") do
        local size = line:match("VmRSS:%s+(%d+)")
        if size then return tonumber(size) end
    end
end
local function work(count)
    for _ = 1, count do
        assert(tokens:verify(value, { scope = "a" }))
        assert(not tokens:verify(value, { scope = "z" }))
        assert(tokens:authorize({ [0] = "Bearer " .. value }) == 200)
        assert(tokens:authorize({ "Bearer x", "Bearer y" }) == 401)
        pcall(tokens.verify, tokens, value, { scopes = "a" })
    end
    for _ = 1, count / 100 do
        assert(jeton.open { socket = path })        -- closed by the collector
        pcall(jeton.open, { socket = path, timeout = -1 })
    end
end
work(rounds)
local before = resident()
work(rounds)
print(resident() - before)
local count = 0
for _ in io.popen("ls /proc/" .. io.open("/proc/self/stat"):read("n") .. "/fd"):lines() do count = count + 1 end
print(count)
"""


def run_lua(program, text, *arguments):
    need_programs(program)
    need_library()
    version = VERSIONS[program]
    if not os.path.exists(f"{BUILD}/lua/{version}/jeton.so"):
        pytest.skip("the Lua module is not built: make deps installs what it needs")
    done = subprocess.run([program, "-", *arguments], input=text, capture_output=True, text=True,
                          env=environment(LUA_CPATH=f"{BUILD}/lua/{version}/?.so"), timeout=50 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


@each_lua
def test_wrong_arguments_are_errors_and_never_ask_for_less(daemon, program):
    d = daemon()
    assert run_lua(program, MISUSE, d.path("verify"), d.create(subject="ann", scopes="a,b")["token"]) == ["done"]


@each_lua
def test_nothing_is_left_behind(daemon, program):
    d = daemon()
    grown, open_files = run_lua(program, LEAK, d.path("verify"), d.create(scopes="a")["token"], str(scaled(5000, 500)))
    assert int(grown) < 1024, f"{grown} KiB"
    assert int(open_files) < 12


EXAMPLE = """
local module, path, value = require "jeton", arg[1], arg[2]
local open = module.open
function module.open(options) options.socket = path return open(options) end
local function serve(subject) print("serve", subject) end
local function refuse(status, reason) print("refuse", status, reason) end
local tokens = open { socket = path }
local ngx = { header = {}, exit = function(status) print("exit", status) end, req = {
    get_headers = function() return { authorization = value ~= "" and "Bearer " .. value or nil } end,
    set_header = function(name, text) print(name, text) end } }
"""


def test_the_examples_in_the_readme_work(daemon):
    d = daemon(config="[service api]\nsufficient = local\n")
    good, wrong = d.create(subject="ann", scopes="deploy")["token"], d.create(subject="ann")["token"]
    with open(f"{ROOT}/plugin/lua/README.md") as file:
        first, openresty = re.findall(r"^```lua\n(.*?)^```", file.read(), re.M | re.S)
    for value, printed in (good, ["serve", "ann"]), (wrong, ["refuse", "403", "scope"]), ("x", ["refuse", "401", "malformed"]):
        assert run_lua("lua5.3", EXAMPLE + first, d.path("verify"), value) == printed
    printed = run_lua("lua5.3", EXAMPLE + openresty, d.path("verify"), good)
    assert dict(zip(printed[::2], printed[1::2]))["X-Jeton-Subject"] == "ann" and "exit" not in printed
    for value, status in (wrong, "403"), ("x", "401"), ("", "401"):
        assert run_lua("lua5.3", EXAMPLE + openresty, d.path("verify"), value) == ["exit", status]


def test_the_action_for_haproxy_is_short():
    with open(f"{ROOT}/plugin/lua/haproxy/jeton.lua") as file:
        code = [line for line in file if line.strip() and not line.startswith("--")]
    assert len(code) <= 10


def test_the_configuration_for_haproxy_is_valid(tmp_path):
    """That of the example, but for the place of the action and the user."""
    need_programs("haproxy")
    with open(f"{ROOT}/plugin/lua/haproxy/haproxy.cfg") as file:
        text = file.read()
    with open(f"{tmp_path}/action.lua", "w") as file:
        file.write('core.register_action("jeton", { "http-req" }, function(txn, scopes) end, 1)\n')
    text = text.replace("/etc/haproxy/jeton.lua", f"{tmp_path}/action.lua")
    text = re.sub(r"^ +(user|group) .*\n", "", text, flags=re.M)
    with open(f"{tmp_path}/haproxy.cfg", "w") as file:
        file.write(text)
    done = subprocess.run(["haproxy", "-c", "-f", f"{tmp_path}/haproxy.cfg"], capture_output=True, text=True,
                          timeout=20 * PATIENCE)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
