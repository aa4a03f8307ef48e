// SPDX-License-Identifier: Apache-2.0
// A daemon that answers whatever may do harm: memory, time and other requests stay within bounds.
import { strict as assert } from "node:assert";
import { test } from "node:test";

import { Client, ProtocolError } from "../../../plugin/web/page/client.js";
import { FakeTransport, eventually } from "./fake_transport.mjs";

const MIB = 1024 * 1024;

function clientOf(serve) {
    return new Client(new FakeTransport(serve));
}

async function* parts(...all) {
    yield* all;
}

const bytesOf = text => Uint8Array.from(Buffer.from(text, "latin1"));

test("a line that never ends is refused early", async () => {
    let sent = 0;
    const client = clientOf(async function* () {
        yield "* description=\"";
        for (; ; sent += 4096)
            yield "x".repeat(4096);
    });
    await assert.rejects(client.request("list"), ProtocolError);
    assert(sent <= 65536, sent);
    await eventually(() => client.transport.open === 0, "the exchange is closed");
    // 32 KiB at once, with its end
    await assert.rejects(clientOf(() => parts(`* a=${"x".repeat(32768)}\nOK\nOK\n`)).request("list"), ProtocolError);
});

test("bytes that no line may have are refused, and say nothing of what they were", async () => {
    const bad = ["\0", "OK\0\n", "* a=\"\0\"\n", "* a=\x1b[31m\n", "OK\r\n", "* a=\x7f\n", "* a=\xff\n", "* a=\xc0\xaf\n",
        "* a=\xed\xa0\x80\n", "* a=\xed\xa0\xbd\xed\xb8\x80\n", "* a=\xf4\x90\x80\x80\n", "* a=\xe2\x82\nOK\n", "\xef\xbb\xbfOK\n",
        "\n", "OKAY\n", "HTTP/1.1 200 OK\n", "<html>\n", "* a=\"b\n", "* a=\"\\u0041\"\n", "ERR\n", "NO\n", "*a=1\n",
        `*${" x".repeat(33)}\n`];
    for (const text of bad) {
        const client = clientOf(() => parts(bytesOf(text), "\nOK\nOK\n"));
        await assert.rejects(client.request("list"), error => {
            assert(error instanceof ProtocolError, `${JSON.stringify(text)}: ${error}`);
            assert(error.message.length < 100 && /^[a-zA-Z0-9, -]+$/.test(error.message), error.message);
            return true;
        }, text);
        assert.equal(client.state, "up");
    }
});

test("a key of an object is no field", async () => {
    const { rows } = await clientOf(() => parts("* constructor=1 valueof=2\n* id=3\nOK\nOK\n")).request("list");
    assert.equal(rows[0].constructor, "1");
    assert.equal(rows[1].constructor, undefined);
    assert.equal(rows[1].toString, undefined);
    assert.equal("hasOwnProperty" in rows[1], false);
});

test("the first of repeated keys counts, as for the other clients", async () => {
    const { fields } = await clientOf(() => parts("OK id=1 id=2\nOK\n")).request("show", { id: "1" });
    assert.equal(fields.id, "1");
});

test("answers that nobody asked for are not taken for the next answer", async () => {
    const client = clientOf(text => parts(text.startsWith("ping") ? "OK a=1\nOK a=2\nOK a=3\n* x=1\n" : "OK b=1\nOK\n"));
    assert.equal((await client.request("ping")).fields.a, "1");
    const { fields } = await client.request("list");
    assert.equal(fields.b, "1");
    assert.equal(fields.a, undefined);
});

test("what comes without end behind an answer does not hold up others", async () => {
    let sent = 0;
    const client = clientOf(async function* (_text, signal) {
        yield "OK\n";
        while (!signal.aborted) {
            sent += 4096;
            yield "x".repeat(4096);
        }
    });
    await Promise.all(Array.from({ length: 12 }, () => client.request("ping")));
    await eventually(() => client.transport.open === 0, "all are closed");
    assert(sent <= 12 * 80 * 1024, sent);
});

// The rows of 10^6 tokens, in chunks as they come from a socket.
const thousand = new TextEncoder().encode(Array.from({ length: 1000 }, (_, i) =>
    `* id=${i.toString(16).padStart(20, "0")} state=active created=2026-11-24T05:51:41Z by=uid:0 ` +
    `subject=user${i} scopes=deploy,read description="the token number ${i}"\n`).join(""));

async function* million() {
    for (let i = 0; i < 1000; i++)
        yield thousand;
    yield "OK count=1000000\nOK\n";
}

test("a million rows are handed over in little memory, and others have their turn meanwhile", async () => {
    const client = clientOf(million);
    let count = 0;
    let most = 0;
    let turns = 0;
    const timer = setInterval(() => turns++, 20);
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const begun = performance.now();
    const cpu = process.cpuUsage();
    const answer = await client.request("list", {}, {
        onRow(fields) {
            count++;
            if (count % 100000 === 0) {
                globalThis.gc();
                most = Math.max(most, process.memoryUsage().heapUsed - before);
                assert.equal(fields.id.length, 20);
            }
        },
    });
    clearInterval(timer);
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    console.log(`${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of a processor, ${(most / MIB).toFixed(1)} MiB, ${turns} turns`);
    assert.equal(count, 1e6);
    assert.deepEqual(answer.rows, []);
    assert(most < 20 * MIB, most);
    assert(turns > 2 * Math.min(seconds, (user + system) / 1e6), turns);
});

test("a million rows that nobody takes are an error", async () => {
    const client = clientOf(million);
    await assert.rejects(client.request("list"), ProtocolError);
    await eventually(() => client.transport.open === 0, "the exchange is closed");
});

test("rows without end can be aborted", async () => {
    const client = clientOf(async function* () {
        for (;;)
            yield "* id=1\n".repeat(1000);
    });
    const stop = new AbortController();
    let count = 0;
    const running = client.request("list", {}, { signal: stop.signal, onRow: () => { count++; } });
    await eventually(() => count > 5000, "rows come");
    stop.abort();
    await assert.rejects(running, { name: "AbortError" });
    await eventually(() => client.transport.open === 0, "the exchange is closed");
});

test("who takes the rows may fail, or be slow", async () => {
    const client = clientOf(() => parts("* id=1\n* id=2\nOK\nOK\n"));
    await assert.rejects(client.request("list", {}, { onRow() { throw new RangeError("mine"); } }), RangeError);
    assert.equal(client.state, "up");
    const seen = [];
    await client.request("list", {}, { onRow: async row => {
        await new Promise(resolve => setTimeout(resolve, 5));
        seen.push(row.id);
    } });
    assert.deepEqual(seen, ["1", "2"]);
});
