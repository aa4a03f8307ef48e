// SPDX-License-Identifier: Apache-2.0
// Lets a number of tasks run at a time; others wait in their order.

export class Queue {
    #most;
    #running = 0;
    #waiting = [];

    constructor(most) {
        this.#most = most;
    }

    // Resolve when the caller may begin, with a function that it must call at its end.  Reject with
    // the signal's reason if that is aborted first.
    enter(signal) {
        signal?.throwIfAborted();
        if (this.#running < this.#most) {
            this.#running++;
            return Promise.resolve(this.#leaver());
        }
        return new Promise((resolve, reject) => {
            const waiter = { resolve, signal };
            waiter.abort = () => {
                this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
                reject(signal.reason);
            };
            signal?.addEventListener("abort", waiter.abort, { once: true });
            this.#waiting.push(waiter);
        });
    }

    // What is called twice leaves once.
    #leaver() {
        let left = false;
        return () => {
            if (left)
                return;
            left = true;
            const next = this.#waiting.shift();
            if (next === undefined) {
                this.#running--;
                return;
            }
            next.signal?.removeEventListener("abort", next.abort);
            next.resolve(this.#leaver());
        };
    }
}
