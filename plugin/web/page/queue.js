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

// Resolve after some milliseconds; reject with the signal's reason if that is aborted first.
export function sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
        const abort = () => {
            clearTimeout(timer);
            reject(signal.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", abort);
            resolve();
        }, milliseconds);
        if (signal?.aborted)
            abort();
        else
            signal?.addEventListener("abort", abort, { once: true });
    });
}

// The time to wait before each new attempt: it doubles up to the most, and is between half and all
// of that at random, so that many pages do not come at once.
export class BackOff {
    #least;
    #most;
    #next;

    constructor(least, most) {
        this.#least = least;
        this.#most = most;
        this.#next = least;
    }

    reset() {
        this.#next = this.#least;
    }

    // At least `floor` milliseconds.
    next(floor = 0) {
        const base = this.#next;
        this.#next = Math.min(2 * base, this.#most);
        return Math.max(floor, base * (0.5 + Math.random() / 2));
    }
}
