-- SPDX-License-Identifier: Apache-2.0
-- Call handle:authorize(): PATH, key=HEX for each option, and HEX for each Authorization header.
local jeton = require "jeton"
local want, headers = {}, {}

local function text(digits)
    return (digits:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

for at = 2, #arg do
    local key, digits = arg[at]:match("^(%a+)=(%x*)$")
    if key then want[key] = text(digits) else headers[#headers + 1] = text(arg[at]) end
end
local tokens = assert(jeton.open { socket = arg[1], timeout = 10000 })
local status, found, claims = tokens:authorize(#headers > 0 and headers or nil, want)
assert((claims ~= nil) == (status == 200))
print(status)
for name, value in pairs(found) do print((status == 200 and name:lower() or name) .. "=" .. value) end
