// SPDX-License-Identifier: Apache-2.0
// Waiting, and for how long to wait before each new attempt.

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
