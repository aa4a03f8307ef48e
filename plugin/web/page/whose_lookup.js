// SPDX-License-Identifier: Apache-2.0
/*
 * Whose token is behind a value: its digests are computed here, and the daemon is asked for the
 * identifiers that begin them. The value goes nowhere, and nothing here keeps it.
 */

import { checkValue, digest, hex, sha256, ValueError } from "./blake2b.js";

const HISTORY_MOST = 50;
const DENIALS = ["ban", "delete", "revoke"];
const encoder = new TextEncoder();

/** The value within what was pasted: a line of a log or a header may be around it. → { value, cut: whether something was taken off } */
export function takeValue(pasted, prefix) {
    const trimmed = pasted.trim();
    const escaped = String(prefix ?? "").replace(/[^0-9A-Za-z]/g, "\\$&");
    const found = prefix ? new Set(trimmed.match(new RegExp(`(?<![0-9A-Za-z_-])${escaped}_[0-9A-Za-z]{49}(?![0-9A-Za-z_-])`, "g"))) : new Set();
    if (found.size === 1 && !found.has(trimmed))
        return { value: [...found][0], cut: true };
    const bare = trimmed.replace(/^(?:authorization:\s*)?(?:bearer|token)\s+/i, "").replace(/^(["'`])(.*)\1$/, "$2");
    return { value: bare, cut: bare !== trimmed };
}

/** Whether a text looks like a compact JWS, whose signed part is a name of its own. */
export function looksSigned(value) {
    return value.length > 65 && /^[\w=-]+\.[\w=-]+\.[\w=-]*$/.test(value);
}

/** The digests of a value, as `ban digest=` takes them. */
export function digestsOf(value) {
    const bytes = encoder.encode(value);
    const digests = { own: hex(digest(bytes)), sha256: hex(sha256(bytes)) };
    bytes.fill(0);
    return digests;
}

/** The last entries about an identifier, newest first; none where the socket does not grant the journal. */
async function historyOf(client, id, signal) {
    if (!client.may("journal"))
        return [];
    const { rows } = await client.request("journal", { id, order: "desc", limit: HISTORY_MOST }, { signal });
    return rows.filter(entry => entry.id === id || entry.replaces === id);
}

async function showOf(client, id, signal) {
    return client.may("show") ? (await client.request("show", { id }, { signal })).rows[0] ?? null : null;
}

/** By which of several identifiers there is a token, or was one. */
async function findAny(client, ids, signal) {
    for (const id of ids) {
        const row = await showOf(client, id, signal);
        if (row)
            return { id, row, history: await historyOf(client, id, signal) };
    }
    for (const id of ids) {
        const history = await historyOf(client, id, signal);
        if (history.length > 0)
            return { id, row: null, history };
    }
    return { id: ids[0], row: null, history: [] };
}

/** What refuses a value without a token, by the journal: the newest denial that nothing has ended since; or null. */
export function denialOf(history) {
    const newest = history.find(entry => entry.event === "ban" || entry.event === "delete" || entry.event === "purge");
    if (!newest || newest.event !== "purge")
        return newest ?? null;
    return history.find(entry => DENIALS.includes(entry.event)) ?? null;
}

/**
 * Look a value up. → { kind, why?, id, row, history, denial }. kind: "identifier" (the text is one; row as
 * found), "malformed" (why: "characters" | "length" | "check"), "found", "gone" (there was one, or a ban), "unknown".
 */
export async function lookUp(client, value, prefix, { signal } = {}) {
    try {
        checkValue(value, prefix);
    } catch (error) {
        if (!(error instanceof ValueError))
            throw error;
        if (error.reason !== "identifier")
            return { kind: "malformed", why: error.why, id: null, row: null, history: [] };
        return { kind: "identifier", ...await findAny(client, [value.toLowerCase()], signal) };
    }
    const digests = digestsOf(value);
    const found = await findAny(client, [digests.own.slice(0, 20), digests.sha256.slice(0, 20)], signal);
    const kind = found.row ? "found" : found.history.length > 0 ? "gone" : "unknown";
    return { kind, ...found, denial: found.row ? null : denialOf(found.history), signed: looksSigned(value) };
}
