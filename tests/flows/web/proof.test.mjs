// SPDX-License-Identifier: Apache-2.0
// Who takes the server's place learns nothing from the page.
import { strict as assert } from "node:assert";
import { test } from "node:test";

import { SECRET, all, binary, failure, honest, proofOf, storageOf, withServer } from "./http_server.mjs";

test("nothing is sent before the server has proved, each time anew, that it knows the secret", async () => {
    const seen = [];
    await withServer((request, response) => {
        seen.push("lines");
        response.writeHead(200, binary).end("OK\nOK\n");
    }, async transport => {
        await all(transport);
        await all(transport);
    }, {
        prove(request, response) {
            seen.push(request.headers["jeton-nonce"]);
            assert(!JSON.stringify(request.headers).includes(SECRET));
            honest(request, response);
        },
    });
    assert.deepEqual(seen.map(each => each === "lines"), [false, true, false, true]);
    assert.match(seen[0], /^[0-9a-f]{64}$/);
    assert.notEqual(seen[0], seen[2]);
});

test("an impostor gets neither the secret nor lines, and is not believed later", async () => {
    let old;
    const impostors = [
        (_request, response) => response.end(old),
        (request, response) => response.end(proofOf(request.headers["jeton-nonce"], `${SECRET}x`)),
        (_request, response) => response.end("x".repeat(100000)),
        (_request, response) => response.writeHead(404).end(),
        (_request, response) => response.writeHead(401).end("give it to me"),
        (request, response) => response.writeHead(201).end(proofOf(request.headers["jeton-nonce"])),
    ];
    for (const impostor of impostors) {
        let taken = false;
        const seen = [], storage = storageOf({ "jeton-web-secret": SECRET });
        await withServer((request, response) => {
            seen.push(request.headers);
            response.writeHead(200, binary).end("OK\nOK\n");
        }, async transport => {
            await all(transport);
            taken = true;
            const error = await failure(all(transport, "revoke token=value\nquit\n"));
            assert.deepEqual([error.kind, error.stranger, error.uncertain], ["unauthorized", true, false]);
            assert(!error.message.includes("give"));
            taken = false;
            assert((await failure(all(transport))).stranger);
        }, {
            storage, secret: undefined,
            prove(request, response) {
                old ??= proofOf(request.headers["jeton-nonce"]);
                (taken ? impostor : honest)(request, response);
            },
        });
        assert.equal(seen.length, 1);
        assert.deepEqual(storage.items, {});
    }
});

test("a server that is too busy for a proof is asked again, and nothing was sent to it", async () => {
    const cut = response => {
        response.writeHead(200, { "Content-Length": 65 }).write("0123");
        setTimeout(() => response.destroy(), 20);
    };
    for (const answer of [response => response.writeHead(503).end(), response => response.writeHead(502).end(), response => response.destroy(), cut]) {
        let busy = true;
        await withServer((_request, response) => response.writeHead(200, binary).end("OK\n"), async transport => {
            const error = await failure(all(transport));
            assert.deepEqual([error.kind, error.uncertain, error.stranger], ["lost", false, false]);
            busy = false;
            assert.equal(await all(transport), "OK\n");
        }, { prove: (request, response) => (busy ? answer(response) : honest(request, response)) });
    }
});
