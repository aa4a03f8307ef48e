// SPDX-License-Identifier: Apache-2.0
// One exchange: a fresh connection to the daemon, to which request lines are written, and whose
// replies are read line by line until the daemon closes.

import { sleep } from "./back_off.js";
import { LineReader, parseLine } from "./codec.js";
import { TransportError } from "./errors.js";

const DRAIN_MOST = 64 * 1024; // bytes behind the last reply that is waited for
const DRAIN_WITHIN = 2000; // ms

const BUSY_MOST = 12; // ms of work after which the page may do something else

const encoder = new TextEncoder();

// Resolve as the promise does, or reject when nothing came for so many milliseconds.
function within(promise, milliseconds) {
    if (milliseconds === Infinity)
        return promise;
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new TransportError("lost", "The server does not answer.",
                                                                 { uncertain: true })), milliseconds);
        promise.then(resolve, reject).finally(() => clearTimeout(timer));
    });
}

// The replies of one exchange.
export class Exchange {
    #bytes;
    #chunks;
    #idle;
    #reader = new LineReader();
    #lines = [][Symbol.iterator]();
    #abort = new AbortController();
    #unlink = () => {};
    #rested = performance.now();

    // text: the request lines.  idle: the milliseconds without a byte after which the server counts
    // as lost.
    constructor(transport, text, { signal, idle = Infinity } = {}) {
        signal?.throwIfAborted();
        if (signal !== undefined) {
            const abort = () => this.#abort.abort(signal.reason);
            signal.addEventListener("abort", abort, { once: true });
            this.#unlink = () => signal.removeEventListener("abort", abort);
        }
        this.#idle = idle;
        this.#bytes = encoder.encode(text);
        this.#chunks = transport.exchange(this.#bytes, { signal: this.#abort.signal })[Symbol.asyncIterator]();
    }

    // Let the browser draw, and take input, where chunks come faster than that happens by itself.
    async #rest() {
        if (performance.now() - this.#rested < BUSY_MOST)
            return;
        await sleep(0);
        this.#rested = performance.now();
    }

    // Get more bytes; false where the stream ends.
    async #more() {
        await this.#rest();
        this.#abort.signal.throwIfAborted();
        const { done, value } = await within(this.#chunks.next(), this.#idle);
        if (!done)
            this.#lines = this.#reader.feed(value);
        return !done;
    }

    // Read one reply: hand each data line to onRow(fields, words), return the final line.
    async reply(onRow) {
        do {
            for (let next = this.#lines.next(); !next.done; next = this.#lines.next()) {
                const line = parseLine(next.value);
                if (!line.data)
                    return line;
                const wait = onRow(line.fields, line.words);
                if (wait !== undefined)
                    await wait;
            }
        } while (await this.#more());
        throw new TransportError("daemon", "The daemon ended the connection before it had answered.",
                                 { uncertain: true });
    }

    // Read what is left, which is the answer to `quit`, so that the connection ends in good order;
    // then let go of everything.  Never fails: all that was asked has been answered.
    async drain() {
        const end = performance.now() + DRAIN_WITHIN;
        let left = DRAIN_MOST;
        try {
            while (left > 0 && performance.now() < end) {
                const { done, value } = await within(this.#chunks.next(), DRAIN_WITHIN);
                if (done)
                    break;
                left -= value.length;
            }
        } catch {
            // nobody needs it
        }
        this.close();
    }

    // End the connection, and wipe what was sent and received.
    close() {
        this.#unlink();
        this.#abort.abort(new DOMException("The exchange is over.", "AbortError"));
        Promise.resolve(this.#chunks.return?.()).catch(() => {});
        this.#bytes.fill(0);
        this.#reader.wipe();
    }
}
