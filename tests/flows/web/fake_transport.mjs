// SPDX-License-Identifier: Apache-2.0
// A transport whose server is a function, and what else tests of the page's modules need.
import { setTimeout as sleep } from "node:timers/promises";

const encoder = new TextEncoder();

export class FakeTransport {
    requests = []; // the text of each exchange
    buffers = []; // the bytes that each was given, which are to be wiped
    open = 0;
    mostOpen = 0;

    // serve(text, signal) is an async generator of strings and bytes, or throws.
    constructor(serve) {
        this.serve = serve;
    }

    describe() {
        return { kind: "fake" };
    }

    async* exchange(bytes, { signal }) {
        const text = new TextDecoder().decode(bytes);
        this.requests.push(text);
        this.buffers.push(bytes);
        this.mostOpen = Math.max(this.mostOpen, ++this.open);
        try {
            for await (const part of this.serve(text, signal))
                yield typeof part === "string" ? encoder.encode(part) : part;
        } finally {
            this.open--;
        }
    }
}

// Wait for the end of an exchange that does not end by itself.
export async function forever(signal) {
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

export async function eventually(condition, what, within = 10000) {
    const end = performance.now() + within;
    for (;;) {
        const found = await condition();
        if (found)
            return found;
        if (performance.now() > end)
            throw new Error(`not within ${within} ms: ${what}`);
        await sleep(2);
    }
}
