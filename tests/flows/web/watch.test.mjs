// SPDX-License-Identifier: Apache-2.0
// The watch of the page's client against journals that are cut off, trimmed, replaced, or lie.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Client, DaemonError, TransportError } from "../../../plugin/web/page/client.js";
import { BackOff } from "../../../plugin/web/page/back_off.js";
import { FakeTransport, eventually, forever } from "./fake_transport.mjs";

const EPOCH = "a000000000000000";
const LATER = "b000000000000000";

// A journal, and a watch of it.
class Journal {
    epoch = EPOCH;
    oldest = 1;
    newest = 0;
    cut = Infinity; // a connection ends after so many entries
    refusal = null; // what the next watch is answered
    waits = false; // a watch waits, or has, for an entry to come
    seen = [];
    gaps = [];
    stop = new AbortController();

    constructor() {
        this.client = new Client(new FakeTransport((text, signal) => this.serve(text, signal)));
    }

    async* serve(text, signal) {
        if (text.startsWith("hello"))
            yield `OK protocol=1 epoch=${this.epoch}\n* name=journal_oldest value=1\n* name=journal_newest value=${this.newest}\nOK\nOK\n`;
        else if (text.startsWith("watch"))
            yield* this.serveWatch(text, signal);
        else
            yield "OK\nOK\n";
    }

    async* serveWatch(text, signal) {
        const [, epoch, serial] = /^watch after=(\w+):(\d+)\n$/.exec(text);
        const refusal = this.refusal;
        this.refusal = null;
        if (refusal !== null)
            yield refusal;
        else if (epoch !== this.epoch || Number(serial) + 1 < this.oldest || Number(serial) > this.newest)
            yield `ERR gone epoch=${this.epoch} oldest=${this.oldest} newest=${this.newest}\n`;
        else
            yield* this.entries(Number(serial), signal);
    }

    async* entries(from, signal) {
        let left = this.cut;
        for (let serial = from + 1; left > 0; left--, serial++) {
            this.waits = true;
            while (serial > this.newest) {
                await sleep(1);
                signal.throwIfAborted();
            }
            yield `* serial=${serial} event=create epoch=${this.epoch}\n`;
        }
    }

    watch(args = {}) {
        this.ended = this.client.watch(args, entry => { this.seen.push(Number(entry.serial)); }, {
            signal: this.stop.signal,
            onGap: (position, { first }) => this.gaps.push([position.epoch, position.serial, first]),
        });
        return this;
    }

    async saw(serial) {
        await eventually(() => this.seen.at(-1) === serial, `entry ${serial}, but ${this.seen}`);
    }

    async end() {
        this.stop.abort();
        await this.ended;
        await eventually(() => this.client.transport.open === 0, "all is closed");
    }
}

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("entries come once and in order, however often the connection is cut", async () => {
    const journal = new Journal();
    journal.newest = 5;
    journal.cut = 3;
    journal.watch();
    await eventually(() => journal.gaps.length === 1, "the beginning");
    journal.newest = 25;
    await journal.saw(25);
    assert.deepEqual(journal.seen, numbers(6, 25));
    assert.deepEqual(journal.gaps, [[EPOCH, 5, true]]);
    await journal.end();
});

test("a connection that only ended is no loss", async () => {
    const journal = new Journal();
    const states = [];
    journal.client.onState(state => states.push(state));
    journal.cut = 2;
    journal.newest = 9;
    journal.watch({ after: `${EPOCH}:0` });
    await journal.saw(9);
    assert.deepEqual([journal.seen, states], [numbers(1, 9), []]);
    await journal.end();
});

test("a watch goes on where its caller says", async () => {
    const journal = new Journal();
    journal.newest = 9;
    journal.watch({ after: `${EPOCH}:7` });
    await journal.saw(9);
    assert.deepEqual([journal.seen, journal.gaps], [[8, 9], []]);
    await journal.end();
});

test("a trimmed journal and another history are gaps", async () => {
    const journal = new Journal();
    journal.newest = 3;
    journal.cut = 1;
    journal.watch({ after: `${EPOCH}:0` });
    await journal.saw(3);
    journal.newest = 50;
    journal.oldest = 40;
    await eventually(() => journal.gaps.length === 1, "the gap of what was trimmed");
    journal.newest = 51;
    await journal.saw(51);
    journal.epoch = LATER;
    journal.oldest = 1;
    journal.newest = 2;
    await eventually(() => journal.gaps.length === 2, "the gap of another history");
    journal.newest = 4;
    await journal.saw(4);
    assert.deepEqual(journal.gaps, [[EPOCH, 50, false], [LATER, 2, false]]);
    assert.deepEqual(journal.seen, [1, 2, 3, 51, 3, 4]);
    await journal.end();
});

test("an entry that is missing is a gap, and one that comes again is not taken", async () => {
    const journal = new Journal();
    journal.newest = 9;
    journal.refusal = `* serial=1 epoch=${EPOCH}\n* serial=4 epoch=${EPOCH}\n* serial=4 epoch=${EPOCH}\n* serial=5 epoch=${EPOCH}\n`;
    journal.watch({ after: `${EPOCH}:0` });
    await eventually(() => journal.gaps.length === 2, "both gaps");
    assert.deepEqual(journal.seen, [1, 4]);
    assert.deepEqual(journal.gaps, [[EPOCH, 4, false], [EPOCH, 9, false]]);
    await journal.end();
});

test("entries without a place in the journal are not taken", async () => {
    for (const entry of ["* event=create\n", "* serial=1\n", `* serial=x epoch=${EPOCH}\n`, "* serial=1 epoch=1\n",
        `* serial=99999999999999999999 epoch=${EPOCH}\n`, `* serial=-1 epoch=${EPOCH}\n`]) {
        const journal = new Journal();
        journal.refusal = entry;
        journal.watch({ after: `${EPOCH}:0` });
        await eventually(() => journal.gaps.length === 1, "the gap");
        assert.deepEqual(journal.seen, []);
        await journal.end();
    }
});

// Lose a server for long, and let somebody reach it; return after how many milliseconds the watch goes on.
async function lostAndFound() {
    const journal = new Journal();
    const states = [];
    journal.client.onState(state => states.push(state));
    journal.cut = 1;
    journal.watch({ after: `${EPOCH}:0` });
    await eventually(() => journal.waits, "it is connected");
    const serve = journal.serve;
    journal.serve = async function* () {
        throw new TransportError("daemon", "not there");
    };
    journal.newest = 1;
    await journal.saw(1);
    await eventually(() => states.includes("lost"), "it is lost");
    await sleep(1500);
    journal.serve = serve;
    journal.cut = Infinity;
    journal.newest = 2;
    await journal.client.request("ping");
    const found = performance.now();
    await journal.saw(2);
    const took = performance.now() - found;
    assert.deepEqual(states, ["lost", "up"]);
    assert.deepEqual(journal.gaps, []);
    await journal.end();
    return took;
}

test("a server that is lost is told, and found again at once when somebody reaches it", async () => {
    const took = [await lostAndFound()];
    while (took.at(-1) >= 400 && took.length < 4) // the machine may be busy once
        took.push(await lostAndFound());
    assert(took.at(-1) < 400, took.join());
});

test("attempts become rare, and are never at the same moment", async () => {
    const journal = new Journal();
    journal.serveWatch = async function* () {
        yield "OK count=0\n";
    };
    journal.watch({ after: `${EPOCH}:0` });
    await sleep(1500);
    const asked = journal.client.transport.requests.length;
    assert(asked >= 2 && asked <= 6, asked);
    await journal.end();
    const waits = Array.from({ length: 50 }, () => {
        const backOff = new BackOff(250, 30000);
        return Array.from({ length: 10 }, () => backOff.next());
    });
    assert(new Set(waits.map(each => each[0])).size > 40);
    for (const each of waits) {
        assert(each[0] >= 125 && each[0] <= 250);
        assert(each[9] >= 15000 && each[9] <= 30000);
    }
    assert(new BackOff(250, 30000).next(5000) >= 5000);
});

test("a busy daemon is asked when it says", async () => {
    const journal = new Journal();
    journal.newest = 1;
    journal.refusal = "ERR busy retry_after=1\n";
    const begun = performance.now();
    journal.watch({ after: `${EPOCH}:0` });
    await journal.saw(1);
    assert(performance.now() - begun >= 990);
    await journal.end();
});

test("what the daemon will always refuse ends the watch", async () => {
    const journal = new Journal();
    journal.refusal = "ERR forbidden message=\"watch needs the observe socket\"\n";
    journal.watch({ after: `${EPOCH}:0` });
    await assert.rejects(journal.ended, error => error instanceof DaemonError && error.code === "forbidden");
});

test("a fault of who takes the entries ends the watch", async () => {
    const journal = new Journal();
    journal.newest = 1;
    const watch = journal.client.watch({ after: `${EPOCH}:0` }, () => { throw new RangeError("mine"); });
    await assert.rejects(watch, RangeError);
    await eventually(() => journal.client.transport.open === 0, "the connection is closed");
});

test("a watch takes none of the places of requests", async () => {
    const transport = new FakeTransport(async function* (text, signal) {
        if (text.startsWith("watch"))
            await forever(signal);
        yield "OK\nOK\n";
    });
    const client = new Client(transport);
    const stop = new AbortController();
    const watches = Array.from({ length: 6 }, () => client.watch({ after: `${EPOCH}:0` }, () => {}, { signal: stop.signal }));
    await eventually(() => transport.open === 6, "all watch");
    assert.equal((await client.request("ping")).status, "OK");
    stop.abort();
    await Promise.all(watches);
});
