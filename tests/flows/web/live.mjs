// SPDX-License-Identifier: Apache-2.0
// The page's client with a real daemon: live.mjs SCENARIO SOCKET|LINK, where the link is that of
// `jeton web`.  Prints a line of JSON for whoever
// started it, who does what it asks for and answers with a line, and in the end what it found.
import { createInterface } from "node:readline";

import { identifierOf } from "../../../plugin/web/page/blake2b.js";
import { Client } from "../../../plugin/web/page/client.js";
import { connect } from "../../../plugin/web/page/transport_http.js";
import { eventually } from "./fake_transport.mjs";
import { UnixTransport } from "./unix_transport.mjs";

const [scenario, where] = process.argv.slice(2);

// Do for the HTTP transport what a browser does.
function overHttp(link) {
    const { origin, hash } = new URL(link);
    globalThis.document = new EventTarget();
    return connect({
        secret: hash.slice(1),
        fetch: (path, { mode, headers, ...more }) => {
            if (mode !== "same-origin")
                throw new Error("another server would be asked");
            return fetch(new URL(path, origin), { headers: { ...headers, Origin: origin }, ...more });
        },
    });
}

// Counts the exchanges of a transport.
class Counted {
    open = 0;
    mostOpen = 0;

    constructor(transport) {
        this.transport = transport;
    }

    async* exchange(bytes, options) {
        this.mostOpen = Math.max(this.mostOpen, ++this.open);
        try {
            yield* this.transport.exchange(bytes, options);
        } finally {
            this.open--;
        }
    }
}

const client = new Client(new Counted(where.startsWith("http:") ? overHttp(where) : new UnixTransport(where)));
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(what) {
    console.log(JSON.stringify({ ask: what }));
    return (await input.next()).value;
}

const create = args => client.request("create", args);

// Read all tokens in pages; return their ids.
async function pages(args) {
    const ids = [];
    for (let after; ;) {
        const { rows, fields } = await client.request("list", after === undefined ? args : { ...args, after });
        ids.push(...rows.map(row => row.id));
        if (fields.next === undefined)
            return ids;
        after = fields.next;
    }
}

function watch(args = {}) {
    const seen = { entries: [], gaps: [], states: [], stop: new AbortController() };
    client.onState((state, problem) => seen.states.push([state, problem?.kind ?? null]));
    seen.ended = client.watch(args, entry => { seen.entries.push([entry.event, entry.id]); }, {
        signal: seen.stop.signal,
        onGap: (position, { first }) => seen.gaps.push(first),
    });
    return seen;
}

async function end(seen) {
    seen.stop.abort();
    await seen.ended;
    const { entries, gaps, states } = seen;
    return { entries, gaps, states };
}

const scenarios = {
    async paged() {
        const made = await client.batch(Array.from({ length: 250 }, (_, i) => ["create", { description: `token ${i}` }]));
        const ids = made.map(each => each.fields.id);
        const newestFirst = await pages({ limit: 100, sort: "created", order: "desc" });
        const oldestFirst = await pages({ limit: 33 });
        return { ids, newestFirst, oldestFirst };
    },

    async texts() {
        const texts = ["<b>bold</b><script>alert(1)</script>", "a\"b\\c", " leading and trailing ", "=", "*", "OK",
            "ä\u202etxt.exe\u202c", "\u{1f600}", "\ufeffbom", "x\u00a0y", "it's `fine`; rm -rf /", "token=\"x\" id=1", "\ufffd"];
        const kept = [];
        for (const description of texts) {
            const { fields } = await create({ description, subject: description.slice(0, 60) });
            const { rows: [row] } = await client.request("show", { id: fields.id });
            kept.push([fields.description, fields.subject, row.description, row.subject]);
        }
        return { kept: kept.map((each, i) => each.every((text, at) => text === (at % 2 ? texts[i].slice(0, 60) : texts[i]))), texts };
    },

    async revoked() {
        const { fields: { id, token } } = await create({ subject: "ci" });
        const names = await identifierOf(token, (await client.hello()).prefix);
        const before = await client.request("verify", { token });
        const revoked = await client.request("revoke", { id });
        const after = await client.request("verify", { token });
        const { rows: [row] } = await client.request("show", { id });
        return { id, own: names.own, before: before.status, state: revoked.fields.state, after: after.reason, shown: row.state };
    },

    async restart() {
        const seen = watch();
        await eventually(() => seen.gaps.length === 1, "the beginning");
        const ids = [(await create({ description: "before" })).fields.id];
        await eventually(() => seen.entries.length === 1, "the first entry");
        await ask("stop");
        const refused = await create({ description: "nobody is there" }).catch(error => [error.name, error.kind, error.uncertain]);
        await ask("start");
        await eventually(() => client.state === "up", "the daemon is found");
        ids.push((await create({ description: "after" })).fields.id);
        await client.request("revoke", { id: ids[0] });
        await eventually(() => seen.entries.length === 3, "the entries that follow");
        return { ids, refused, ...await end(seen) };
    },

    async killed() {
        const seen = watch();
        await eventually(() => seen.gaps.length === 1, "the beginning");
        const ids = [];
        for (let round = 0; round < 3; round++) {
            ids.push((await create({ description: `round ${round}` })).fields.id);
            await ask("kill");
            await eventually(() => client.state === "lost", "the daemon is lost");
            await ask("start");
            await eventually(() => client.state === "up", "the daemon is found");
        }
        await eventually(() => seen.entries.length === ids.length, "every entry");
        return { ids, ...await end(seen) };
    },

    async replaced() {
        const seen = watch();
        await eventually(() => seen.gaps.length === 1, "the beginning");
        await create({ description: "gone" });
        await eventually(() => seen.entries.length === 1, "the entry");
        await ask("replace");
        await eventually(() => seen.gaps.length === 2, "the gap");
        const { fields } = await create({ description: "new" });
        await eventually(() => seen.entries.length === 2, "the entry of the new store");
        return { id: fields.id, ...await end(seen) };
    },

    async granted() {
        const { role, epoch } = await client.hello();
        const may = ["list", "show", "watch", "create", "revoke", "rotate", "trace", "verify"].filter(verb => client.may(verb));
        const refused = await client.request("create").then(answer => answer.status, error => error.code);
        const stop = new AbortController();
        const watched = await client.watch({ after: `${epoch ?? "a000000000000000"}:0` }, () => stop.abort(), { signal: stop.signal })
            .then(() => "watched", error => error.code);
        return { role, may, refused, watched };
    },
};

const found = await scenarios[scenario]();
await eventually(() => client.transport.open === 0, "no connection is left");
console.log(JSON.stringify({ found, mostOpen: client.transport.mostOpen }));
process.exit();
