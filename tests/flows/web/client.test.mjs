// SPDX-License-Identifier: Apache-2.0
// The page's client against servers that answer well, late, wrongly, or not at all.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Client, DaemonError, ProtocolError, TransportError } from "../../../plugin/web/page/client.js";
import { FakeTransport, eventually, forever } from "./fake_transport.mjs";

const VALUE = "jtn_oWrFtCIkp0HnrwbYAsCZCAjGcvXwQdodKg7aEmxdc1h1oA8L0";

// A client of a server that answers each exchange with these parts.
function answering(...parts) {
    const transport = new FakeTransport(async function* () {
        yield* parts;
    });
    return Object.assign(new Client(transport), { fake: transport });
}

// Let a client find its server, for which it would look for ever.
async function heal(client) {
    client.transport.serve = async function* () {
        yield "OK\nOK\n";
    };
    await eventually(() => client.state === "up", "the server is found");
}

function rejects(promise, kind, fields = {}) {
    return assert.rejects(promise, error => {
        assert(error instanceof kind, error);
        for (const [key, value] of Object.entries(fields))
            assert.equal(error[key], value);
        return true;
    });
}

test("an answer is read however it is cut", async () => {
    const text = "* id=1 description=\"ä \\\"b\\\"\"\n* id=2\nOK count=2\nOK\n";
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length; size++) {
        const parts = [];
        for (let at = 0; at < bytes.length; at += size)
            parts.push(bytes.subarray(at, at + size), new Uint8Array(0));
        const answer = await answering(...parts).request("list");
        assert.deepEqual(answer.rows.map(row => ({ ...row })), [{ id: "1", description: "ä \"b\"" }, { id: "2" }]);
        assert.equal(answer.status, "OK");
        assert.equal(answer.fields.count, "2");
    }
});

test("hello tells whether the host is in a fleet", async () => {
    const hello = more => `OK protocol=1 role=admin${more}\n* verb=list usage=list\nOK count=1\nOK\n`;
    for (const [more, expected] of [["", false], [" fleet=yes", true], [" fleet=no", false]]) {
        const client = answering(hello(more));
        await client.hello();
        assert.equal(client.inFleet, expected);
    }
});

test("NO resolves, ERR rejects with code and fields", async () => {
    const no = await answering("NO unknown message=\"no such token here\"\nOK\n").request("show", { id: "1" });
    assert.equal(no.status, "NO");
    assert.equal(no.reason, "unknown");
    const refused = answering("ERR policy rule=max_ttl max=90d message=\"a rule\"\nOK\n").request("create");
    await rejects(refused, DaemonError, { code: "policy", message: "a rule" });
    const client = answering("ERR internal\nOK\n");
    await rejects(client.request("create"), DaemonError, { code: "internal", message: "internal" });
    assert.equal(client.state, "up");
});

test("a batch is one exchange, and a refusal stands in its place", async () => {
    const client = answering("OK a=1\n* x=1\n", "OK b=2\nERR busy\nNO unknown\nOK\n");
    const answers = await client.batch([["ping"], ["list"], ["stats"], ["show", { id: "1" }]]);
    assert.deepEqual(client.fake.requests, ["ping\nlist\nstats\nshow id=1\nquit\n"]);
    assert.deepEqual(answers.map(each => each.status ?? each.code), ["OK", "OK", "busy", "NO"]);
    assert.equal(answers[1].rows.length, 1);
    assert(answers[2] instanceof DaemonError);
});

test("a big batch is split into bodies that the server takes", async () => {
    const transport = new FakeTransport(async function* (text) {
        for (const line of text.trimEnd().split("\n"))
            yield `OK length=${line.length}\n`;
    });
    const long = Array.from({ length: 20 }, (_, i) => ["create", { description: "x".repeat(8000 + i) }]);
    const answers = await new Client(transport).batch(long);
    assert.deepEqual(answers.map(each => each.fields.length), long.map(([, { description }]) => String(description.length + 19)));
    assert(transport.requests.length > 2);
    assert(transport.requests.every(text => text.length <= 65536));
    await new Client(transport).batch(Array.from({ length: 1000 }, () => ["ping"]));
    assert.equal(transport.requests.join("").match(/ping/g).length, 1000);
});

test("a daemon with too many connections refuses the whole batch", async () => {
    const client = answering("ERR busy message=\"too many\"\n");
    assert.deepEqual((await client.batch([["hello"], ["help"]])).map(each => each.code), ["busy", "busy"]);
    await rejects(client.hello(), DaemonError, { code: "busy" });
});

test("four exchanges run at a time, others wait in their order", async () => {
    const transport = new FakeTransport(async function* () {
        await sleep(5);
        yield "OK\nOK\n";
    });
    const client = new Client(transport);
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.request("show", { id: String(i) })));
    assert.equal(transport.mostOpen, 4);
    assert.deepEqual(transport.requests, Array.from({ length: 20 }, (_, i) => `show id=${i}\nquit\n`));
    assert.equal(transport.open, 0);
});

test("what is aborted rejects as aborted, wherever it is, and takes no place", async () => {
    const transport = new FakeTransport(async function* (_text, signal) {
        yield "* id=1\n";
        await forever(signal);
    });
    const client = new Client(transport);
    const stops = Array.from({ length: 6 }, () => new AbortController());
    const all = stops.map(stop => client.request("list", {}, { signal: stop.signal }));
    const ends = all.map(each => assert.rejects(each, { name: "AbortError" }));
    await eventually(() => transport.open === 4, "four run");
    stops.reverse().forEach(stop => stop.abort());
    await Promise.all(ends);
    await eventually(() => transport.open === 0, "all are closed");
    assert.equal(client.state, "up");
    transport.serve = async function* () {
        yield "OK\nOK\n";
    };
    assert.equal((await client.request("ping")).status, "OK");
    await assert.rejects(client.request("ping", {}, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("an answer that is cut off is none", async () => {
    const cut = [[], ["* id=1\n"], ["OK id=1"], ["* id=1\nOK"]].map(parts => answering(...parts));
    for (const client of cut) {
        await rejects(client.request("create"), TransportError, { kind: "daemon", uncertain: true });
        assert.equal(client.state, "lost");
    }
    await Promise.all(cut.map(heal));
});

test("a server that says nothing is lost", async () => {
    const transport = new FakeTransport(async function* (_text, signal) {
        yield "* id=1\n";
        await forever(signal);
    });
    const client = new Client(transport, { idle: 50 });
    await rejects(client.request("list"), TransportError, { kind: "lost", uncertain: true });
    await eventually(() => transport.requests.length >= 2, "it is looked for");
    await heal(client);
});

test("state and problem are told at each change, and the client looks for what it lost", async () => {
    let up = false;
    const transport = new FakeTransport(async function* () {
        if (!up)
            throw new TransportError("daemon", "not there");
        yield "OK\nOK\n";
    });
    const client = new Client(transport);
    const seen = [];
    const forget = client.onState((state, problem) => seen.push([state, problem?.kind]));
    await rejects(client.request("ping"), TransportError, { uncertain: false });
    await rejects(client.request("ping"), TransportError);
    up = true;
    await eventually(() => client.state === "up", "it is found");
    assert.deepEqual(seen, [["lost", "daemon"], ["up", undefined]]);
    forget();
    up = false;
    await rejects(client.request("ping"), TransportError);
    assert.equal(seen.length, 2);
    up = true;
    await eventually(() => client.state === "up", "it is found again");
});

test("who is not authorised does not ask again by itself", async () => {
    const transport = new FakeTransport(async function* () {
        throw new TransportError("unauthorized", "no");
    });
    const client = new Client(transport);
    await rejects(client.request("ping"), TransportError, { kind: "unauthorized" });
    await rejects(client.watch({}, () => {}), TransportError, { kind: "unauthorized" });
    const asked = transport.requests.length;
    await sleep(1200);
    assert.equal(transport.requests.length, asked);
    assert.equal(client.problem.kind, "unauthorized");
});

test("hello says who serves, and what may be asked of it", async () => {
    const help = verbs => verbs.map(verb => `* verb=${verb} usage=\"${verb} ID\"\n`).join("") + `OK count=${verbs.length}\nOK\n`;
    const hello = "OK protocol=1 version=0.1.0 role=observe prefix=jtn epoch=a000000000000000 line_max=8192\n";
    const client = answering(hello + help(["list", "watch", "revoke"]));
    assert.equal(client.may("list"), false);
    const { role, line_max: most, epoch } = await client.hello();
    assert.deepEqual([role, most, epoch], ["observe", 8192, "a000000000000000"]);
    assert.deepEqual(["list", "watch", "create", "revoke", "constructor"].map(verb => client.may(verb)),
                     [true, true, false, false, false]);
    assert.equal(client.may("revoke", "token"), true);
    const self = answering(hello.replace("observe", "self") + help(["list", "revoke"]));
    await self.hello();
    assert.equal(self.may("revoke"), true);
    assert.equal(self.may("watch"), false);
    await rejects(answering(hello.replace("protocol=1", "protocol=2") + help([])).hello(), ProtocolError);
});

test("what was sent and received is wiped, and no error holds it", async () => {
    const client = answering(`* token=${VALUE}\nOK token=${VALUE}\nOK\n`);
    const answer = await client.request("rotate", { id: "1" });
    assert.equal(answer.fields.token, VALUE);
    for (const parts of [["ERR syntax\n"], ["nonsense\n"], [], ["OK\n"]]) {
        const other = answering(...parts);
        const error = await other.request("revoke", { token: VALUE }).catch(fault => fault);
        assert(!JSON.stringify([error, String(error), error.stack, error.cause, String(other.problem)]).includes(VALUE));
        await eventually(() => other.fake.buffers.every(bytes => bytes.every(byte => byte === 0)), "requests are wiped");
        if (other.state === "lost")
            await heal(other);
    }
});

test("a request that cannot be a line is not sent", async () => {
    const client = answering("OK\nOK\n");
    await rejects(client.request("create", { description: "x".repeat(8192) }), ProtocolError);
    await rejects(client.request("create", { description: "\u20ac".repeat(2731) }), ProtocolError);
    await rejects(client.request("create", { description: "\ud800" }), ProtocolError);
    await rejects(client.request("create", { "a b": "1" }), ProtocolError);
    await rejects(client.request("create", { a1: "1" }), ProtocolError);
    await rejects(client.request("create", { "": "1" }), ProtocolError);
    await rejects(client.request("create", { "ttl=1d x": "1" }), ProtocolError);
    await rejects(client.request("create\nquit"), ProtocolError);
    await rejects(client.request("create", [["ttl", "1d"], ["ttl", "2d"]]), ProtocolError);
    await rejects(client.request("create", { ttl: undefined }), TypeError);
    await rejects(client.request("create", { ttl: null }), TypeError);
    await rejects(client.request("create", { ttl: 1.5 }), TypeError);
    await rejects(client.request("create", { ttl: {} }), TypeError);
    assert.deepEqual(client.fake.requests, []);
    await client.request("list", { limit: 100, after: 5n });
    await client.request("revoke", { token: "plain" });
    assert.deepEqual(client.fake.requests, ["list limit=100 after=5\nquit\n", "revoke token=\"plain\"\nquit\n"]);
});
