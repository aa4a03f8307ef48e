// SPDX-License-Identifier: Apache-2.0
// A server that is made for the page's transport over HTTP, and what its tests share.
import { strict as assert } from "node:assert";
import http from "node:http";

import { digest, hex } from "../../../plugin/web/page/blake2b.js";
import { TransportError } from "../../../plugin/web/page/errors.js";
import { connect } from "../../../plugin/web/page/transport_http.js";

export const SECRET = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE";
globalThis.document = new EventTarget();

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function storageOf(items = {}) {
    return {
        items,
        getItem: key => items[key] ?? null,
        setItem: (key, value) => { items[key] = value; },
        removeItem: key => { delete items[key]; },
    };
}

export function proofOf(nonce, secret = SECRET) {
    return hex(digest(encoder.encode(secret + nonce), "jeton web proof")) + "\n";
}

// Serve with a function, and give it a transport for that.  prove: what answers who asks for a proof.
export async function withServer(serve, use, { prove = honest, ...options } = {}) {
    const server = http.createServer((request, response) => (request.url === "/proof" ? prove : serve)(request, response)).listen(0, "127.0.0.1");
    await new Promise(resolve => server.once("listening", resolve));
    const base = `http://127.0.0.1:${server.address().port}`;
    // Node has no page whose origin a request could have.
    const fetch = (path, { mode, ...more }) => {
        assert.equal(mode, "same-origin");
        return globalThis.fetch(new URL(path, base), more);
    };
    try {
        await use(connect({ secret: SECRET, storage: storageOf(), fetch, ...options }), server);
    } finally {
        server.closeAllConnections();
        await new Promise(resolve => server.close(resolve));
    }
}

export function honest(request, response) {
    response.end(proofOf(request.headers["jeton-nonce"]));
}

export async function all(transport, text = "ping\nquit\n", options = {}) {
    let answer = "";
    for await (const chunk of transport.exchange(encoder.encode(text), options))
        answer += decoder.decode(chunk, { stream: true });
    return answer;
}

export function failure(promise) {
    return promise.then(() => assert.fail("it did not fail"), error => {
        assert(error instanceof TransportError, error);
        assert(!JSON.stringify([error, error.message, error.stack, String(error.cause)]).includes(SECRET));
        return error;
    });
}

export const binary = { "Content-Type": "application/octet-stream" };
