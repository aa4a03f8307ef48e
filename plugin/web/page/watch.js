// SPDX-License-Identifier: Apache-2.0
// A watch of the journal that outlives connections and daemons: it goes on behind the last entry
// that was seen, EPOCH:SERIAL.  Where that cannot be, or an entry is missing, there is a gap, and
// whatever was derived from the entries must be made anew.

import { BackOff, sleep } from "./back_off.js";
import { ProtocolError } from "./codec.js";
import { DaemonError, TransportError } from "./errors.js";

const LEAST = 250; // ms to wait before the first attempt that follows
const MOST = 30000;
const STEADY = 10000; // ms after which a connection counts as a good one

const EPOCH = /^[a-f][0-9a-f]{15}$/;
const SERIAL = /^[0-9]{1,15}$/;
// An answer that stands, however often it is asked for.
const FINAL = ["syntax", "unknown-verb", "unknown-key", "duplicate-key", "missing", "bad-value", "forbidden"];

function positionOf(fields, key) {
    if (!EPOCH.test(fields.epoch ?? "") || !SERIAL.test(fields[key] ?? ""))
        throw new ProtocolError("an entry of the journal has no place in it");
    return { epoch: fields.epoch, serial: Number(fields[key]) };
}

function parsePosition(text) {
    const [epoch, serial] = (text ?? "").split(":");
    return EPOCH.test(epoch) && SERIAL.test(serial ?? "") ? { epoch, serial: Number(serial) } : null;
}

class Watch {
    #client;
    #onEntry;
    #onGap;
    #signal;
    #position; // of the last entry seen; null: not known
    #first; // the beginning is still to be found
    #broken = false; // the last connection ended before its time
    #backOff = new BackOff(LEAST, MOST);

    constructor(client, args, onEntry, { signal, onGap = () => {} }) {
        this.#client = client;
        this.#onEntry = onEntry;
        this.#onGap = onGap;
        this.#signal = signal;
        this.#position = parsePosition(args.after);
        this.#first = this.#position === null;
    }

    // Watch until the signal is aborted; throw what cannot be helped.
    async run() {
        while (!this.#signal?.aborted) {
            const begun = performance.now();
            let floor = 0;
            try {
                await this.#connect();
            } catch (error) {
                if (this.#signal?.aborted)
                    return;
                floor = this.#judge(error);
            }
            if (performance.now() - begun > STEADY)
                this.#recover();
            await this.#pause(floor);
        }
    }

    // Wait for the next attempt; no longer than until somebody else has reached a daemon that was lost.
    async #pause(floor) {
        const stop = new AbortController();
        const forget = this.#client.onState(state => state === "up" && stop.abort());
        const abort = () => stop.abort();
        this.#signal?.addEventListener("abort", abort);
        if (!this.#signal?.aborted)
            await sleep(this.#backOff.next(floor), stop.signal).catch(() => {});
        this.#signal?.removeEventListener("abort", abort);
        forget();
    }

    // Return the least time to wait after an error; throw it if it stands.
    #judge(error) {
        if (error instanceof DaemonError) {
            if (error.code === "gone") {
                this.#position = null;
                return 0;
            }
            if (FINAL.includes(error.code))
                throw error;
            return 1000 * (Number(error.fields.retry_after) || 0);
        }
        if (error instanceof ProtocolError) {
            this.#position = null; // what it said before is not to be trusted either
            return 0;
        }
        if (!(error instanceof TransportError))
            throw error;
        // A daemon that needs its connections ends the longest; only if it cannot be reached is it lost.
        if (error.uncertain && !this.#broken) {
            this.#broken = true;
            return 0;
        }
        this.#client.failed(error);
        if (error.kind === "unauthorized")
            throw error;
        return 1000 * error.retryAfter;
    }

    #recover() {
        this.#backOff.reset();
        this.#broken = false;
    }

    async #connect() {
        if (this.#position === null)
            await this.#begin();
        const after = `${this.#position.epoch}:${this.#position.serial}`;
        const exchange = this.#client.open(`watch after=${after}\n`, { signal: this.#signal });
        try {
            const final = await exchange.reply(fields => this.#take(fields));
            if (final.status !== "OK")
                throw new DaemonError(final.reason, final.fields);
            this.#client.answered();
        } finally {
            exchange.close();
        }
    }

    // Find where the journal ends now.  All that was before is a gap.
    async #begin() {
        const options = { signal: this.#signal };
        const [hello, stats] = await this.#client.batch([["hello"], ["stats"]], options);
        for (const answer of [hello, stats])
            if (answer instanceof DaemonError)
                throw answer;
        const newest = stats.rows.find(row => row.name === "journal_newest");
        this.#position = positionOf({ epoch: hello.fields.epoch, newest: newest?.value }, "newest");
        this.#onGap(this.#position, { first: this.#first });
        this.#first = false;
    }

    #take(fields) {
        const position = positionOf(fields, "serial");
        const { epoch, serial } = this.#position;
        const next = position.epoch === epoch && position.serial === serial + 1;
        if (!next && position.epoch === epoch && position.serial <= serial)
            throw new ProtocolError("the journal goes backwards");
        this.#position = position;
        this.#recover();
        this.#client.answered();
        if (!next)
            this.#onGap(position, { first: false });
        return this.#onEntry(fields);
    }
}

//     args.after  EPOCH:SERIAL to go on behind; without it, what is new from now on
//     onGap       onGap(position, { first }) is called when entries may have been missed: whatever was
//                 read before is to be read anew.  So it is once at the beginning, without `after`
//                 (first: true): what is read from then on, and the entries, make the whole
// Resolve when the signal is aborted; reject where the daemon will always refuse.
export function watchJournal(client, args = {}, onEntry = () => {}, options = {}) {
    return new Watch(client, args, onEntry, options).run();
}
