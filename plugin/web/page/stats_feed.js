// SPDX-License-Identifier: Apache-2.0
/*
 * What `stats` says, for everybody who shows it: asked as often as the most eager one wants, and only
 * while the page is visible and the daemon is there.
 */

class StatsFeed {
    #client;
    #listeners = new Map(); // function → how often it wants to be called
    #timer = 0;
    #asking = false;
    #asked = -Infinity;
    #last = null;

    constructor(client) {
        this.#client = client;
        document.addEventListener("visibilitychange", () => this.#schedule());
        client.onState(() => this.#schedule());
    }

    /** fn({ at, rows }) at each answer, at once with the last one if that is fresh. Returns how to stop. */
    subscribe(fn, everyMs) {
        if (!this.#client.may("stats"))
            return () => {};
        this.#listeners.set(fn, everyMs);
        if (this.#last && performance.now() - this.#asked < everyMs)
            fn(this.#last);
        this.#schedule();
        return () => {
            this.#listeners.delete(fn);
            this.#schedule();
        };
    }

    #schedule() {
        clearTimeout(this.#timer);
        if (this.#listeners.size === 0 || document.hidden || this.#client.state !== "up" || this.#asking)
            return;
        const due = this.#asked + Math.min(...this.#listeners.values());
        this.#timer = setTimeout(() => this.#ask(), Math.max(0, due - performance.now()));
    }

    async #ask() {
        this.#asking = true;
        this.#asked = performance.now();
        const answer = await this.#client.request("stats").catch(() => null);
        this.#asking = false;
        if (answer?.status === "OK") {
            this.#last = { at: Date.now(), rows: answer.rows };
            for (const fn of [...this.#listeners.keys()])
                fn(this.#last);
        }
        this.#schedule();
    }
}

export function statsFeed(client) {
    return new StatsFeed(client);
}

/** The number that stats has under a name without labels; NaN: none. */
export function figure(rows, name) {
    return Number(rows.find(row => row.name === name)?.value ?? NaN);
}
