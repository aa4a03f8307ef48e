// SPDX-License-Identifier: Apache-2.0
// Bytes that events bring, for who goes through them in a loop.

export class ByteQueue {
    #chunks = [];
    #held = 0;
    #most;
    #over = false;
    #error = null;
    #wake = () => {};

    // most: the bytes that may be held; more is an error.
    constructor(most) {
        this.#most = most;
    }

    push(bytes) {
        if (this.#over || bytes.length === 0)
            return;
        this.#held += bytes.length;
        if (this.#held > this.#most) {
            this.#chunks = [];
            this.end(new RangeError("too much is waiting to be read"));
            return;
        }
        this.#chunks.push(bytes);
        this.#wake();
    }

    // Nothing more comes; who reads gets the error, if there is one, behind what came before.
    end(error = null) {
        if (this.#over)
            return;
        this.#over = true;
        this.#error = error;
        this.#wake();
    }

    async* [Symbol.asyncIterator]() {
        for (;;) {
            while (this.#chunks.length > 0) {
                const bytes = this.#chunks.shift();
                this.#held -= bytes.length;
                yield bytes;
            }
            if (this.#over)
                break;
            await new Promise(resolve => this.#wake = resolve);
        }
        if (this.#error !== null)
            throw this.#error;
    }
}
