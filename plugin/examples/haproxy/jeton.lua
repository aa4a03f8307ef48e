-- SPDX-License-Identifier: Apache-2.0
-- HAProxy: ask jeton-gateway(8) whether a request's token is good for a site:
--
--     http-request lua.jeton SITE
--     http-request deny deny_status 503 unless { var(txn.jeton) -m str SITE }
--
-- A good token's claims are put into the request; any other request is answered here.  Without an
-- answer of the gateway, it is 503.  The second line is needed: HAProxy lets a request pass whose
-- action failed, or was ended because the client went away (`option abortonclose`).
local gateway = os.getenv("JETON_GATEWAY") or "unix@/run/jeton-gateway/http.sock"
local credentials = { "authorization", "x-api-key" }    -- the fields that accept= of the site names
local identity = { "x-jeton-id", "x-jeton-subject", "x-jeton-scopes", "x-jeton-expires", "x-jeton-verifier" }
local passed_on = { "www-authenticate", "retry-after", "cache-control" }

-- Return a list that begins with 1 of one that begins with 0.
local function values(list)
    local all = {}
    for i = 0, list and #list or -1 do all[#all + 1] = list[i] end
    return all
end

local function refuse(txn, status, headers)
    local reply = txn:reply{ status = status }
    for _, name in ipairs(passed_on) do
        for _, value in ipairs(values(headers[name])) do reply:add_header(name, value) end
    end
    txn:done(reply)
end

core.register_action("jeton", { "http-req" }, function(txn, site)
    local sent, received = txn.http:req_get_headers(), {}
    for _, name in ipairs(credentials) do
        if sent[name] then received[name] = values(sent[name]) end     -- each line: two are not one
    end
    local answer = core.httpclient():get{
        url = "http://jeton/verify/" .. site, dst = gateway, headers = received, timeout = 5000 }
    if not answer or answer.status ~= 200 then
        return refuse(txn, answer and answer.status ~= 0 and answer.status or 503, answer and answer.headers or {})
    end
    for _, name in ipairs(identity) do
        txn.http:req_set_header(name, answer.headers[name] and answer.headers[name][0] or "")
    end
    txn:set_var("txn.jeton", site)      -- the last thing that it does
end, 1)
