// SPDX-License-Identifier: Apache-2.0
/*
 * The last ten minutes of some statistics, from samples of `stats`: rates, levels, and quantiles of
 * what was measured meanwhile. Where nothing was sampled, or the daemon was restarted, there is a gap.
 */

import { figure } from "./stats_feed.js";

export const KEEP_MS = 600000;
export const POLL_MS = 5000;

const GAP_MS = 3.5 * POLL_MS;
const WINDOW_MS = 60000; // quantiles are of this long
export const REASONS = ["malformed", "unknown", "identifier", "pending", "expired", "disabled", "revoked", "scope", "subject", "denied"];

/** What is kept of one answer. */
function sampleOf({ at, rows }) {
    const value = name => figure(rows, name);
    const refused = REASONS.reduce((sum, reason) => sum + (value(`verify_${reason}`) || 0), 0);
    return {
        at, refused, verified: value("verify_ok") + refused, uptime: value("uptime_seconds"), unavailable: value("verify_unavailable"),
        connections: value("connections"), store: value("store_bytes"), memory: value("table_bytes") + (value("table_held_bytes") || 0),
        buckets: rows.filter(row => row.name === "verify_seconds_bucket").map(row => [Number(row.le), Number(row.value)]),
    };
}

/** The value below which a share of what came between two samples lies, as far as the buckets tell; null: nothing was measured. */
function quantile(before, after, share) {
    const counts = after.buckets.map(([le, count], i) => [le, count - (before.buckets[i]?.[1] ?? 0)]);
    const total = counts.at(-1)?.[1] ?? 0;
    if (!(total > 0))
        return null;
    const at = counts.findIndex(([, count]) => count >= share * total);
    const [from, below] = at > 0 ? counts[at - 1] : [0, 0];
    const [to, upTo] = counts[at];
    return from + (to - from) * (share * total - below) / Math.max(1, upTo - below);
}

export class Series {
    #samples = [];

    add(answer) {
        const sample = sampleOf(answer);
        if (this.#samples.at(-1)?.at === sample.at)
            return;
        this.#samples.push(sample);
        while (this.#samples[0].at < sample.at - KEEP_MS - POLL_MS)
            this.#samples.shift();
    }

    get first() { return this.#samples[0]; }

    get last() { return this.#samples.at(-1); }

    /** Whether two samples that follow each other are of the same time without a break. */
    #joined(before, after) {
        return after.at - before.at <= GAP_MS && after.uptime >= before.uptime;
    }

    /** Points {at, value} of what a function makes of a sample and the one before; null: a gap. */
    #points(make) {
        return this.#samples.map((sample, i) => {
            const before = this.#samples[i - 1];
            return { at: sample.at, value: before && this.#joined(before, sample) ? make(sample, before, i) : null };
        });
    }

    /** How much a counter grows in a second. */
    rate(key) {
        return this.#points((sample, before) => Math.max(0, sample[key] - before[key]) * 1000 / (sample.at - before.at));
    }

    level(key) {
        return this.#samples.map(sample => ({ at: sample.at, value: Number.isNaN(sample[key]) ? null : sample[key] }));
    }

    /** A quantile of the latencies of the minute before each sample, in seconds. */
    latency(share) {
        return this.#points((sample, before, i) => {
            let first = i;
            while (first > 0 && sample.at - this.#samples[first - 1].at <= WINDOW_MS && this.#joined(this.#samples[first - 1], this.#samples[first]))
                first--;
            return quantile(this.#samples[first], sample, share);
        });
    }

    /** How much a counter has grown within what is kept. */
    growth(key) {
        const first = this.#samples.find(sample => sample.uptime <= this.last.uptime && this.last.at - sample.at <= this.last.uptime * 1000);
        return first ? this.last[key] - first[key] : 0;
    }
}
