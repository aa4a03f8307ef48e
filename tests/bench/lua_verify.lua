-- SPDX-License-Identifier: Apache-2.0
-- Measure the Lua module: PATH of the verify socket; the values of tokens are the first line of standard input.
--
-- For each "round" that it reads it prints the nanoseconds of CPU for a verify() with claims, and for an authorize().
local tokens = assert(require("jeton").open { socket = arg[1] })
local values, headers = {}, {}
for value in io.read():gmatch("%S+") do
    values[#values + 1] = value
    headers[#headers + 1] = "Bearer " .. value
end

local function measure(method, all, passed)
    local begin = os.clock()
    for _ = 1, 20 do
        for at = 1, #all do assert(method(tokens, all[at]) == passed or passed == nil) end
    end
    return math.floor((os.clock() - begin) * 1e9 / 20 / #all)
end

for _ in io.lines() do
    print(("verify=%d authorize=%d"):format(measure(tokens.verify, values), measure(tokens.authorize, headers, 200)))
    io.stdout:flush()
end
