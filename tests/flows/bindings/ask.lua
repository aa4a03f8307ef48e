-- SPDX-License-Identifier: Apache-2.0
-- Ask the Lua module what standard input asks (see support/askers.py): PATH TIMEOUT.
local jeton = require "jeton"

local function text(digits)
    return (digits:gsub("-", ""):gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function hex(bytes)
    return bytes == "" and "-" or (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local tokens = assert(jeton.open { socket = arg[1], timeout = 1000 * tonumber(arg[2]) })
for line in io.lines() do
    local want = {}
    for key, digits in line:gmatch(" (%a+)=(%x*)") do want[key] = text(digits) end
    local claims, reason, status = tokens:verify(text(line:match("^%S+")), want)
    if claims then
        print("ok " .. claims.id .. " " .. hex(claims.subject))
    else
        assert(math.type == nil or math.type(status) == "integer")
        print(reason .. " - -")
    end
end
tokens:close()
