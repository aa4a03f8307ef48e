-- SPDX-License-Identifier: Apache-2.0
-- `http-request lua.jeton SCOPES` lets requests with a good bearer token pass, and answers the others; SCOPES is `-` for
-- none.  HAProxy is not served meanwhile: the table answers in a microsecond, the daemon within 20 ms or not at all.
local tokens = assert(require("jeton").open { service = "api", timeout = 20 })
core.register_action("jeton", { "http-req" }, function(txn, scopes)
    local status, headers = tokens:authorize(txn.http:req_get_headers()["authorization"], { scope = scopes ~= "-" and scopes or nil })
    local reply = status ~= 200 and txn:reply { status = status }
    for name, value in pairs(headers) do
        if reply then reply:add_header(name, value) else txn.http:req_set_header(name, value) end
    end
    if reply then txn:done(reply) end
    txn:set_var("txn.jeton", scopes)        -- only that lets it pass: see haproxy.cfg
end, 1)
