// SPDX-License-Identifier: Apache-2.0
/*
 * What the rules in force let a token be, from the rows of `policy`: the first row whose subject
 * matches is the only one that applies, and the last one is for all others. The daemon decides; this
 * only shows beforehand what it would refuse.
 */

import { parseDuration } from "./codec.js";

/** Whether a pattern, in which `*` stands for any text, matches all of the text. */
export function matches(pattern, subject) {
    const parts = pattern.split("*");
    if (parts.length === 1)
        return pattern === subject;
    const first = parts.shift(), last = parts.pop();
    if (!subject.startsWith(first) || !subject.endsWith(last) || subject.length < first.length + last.length)
        return false;
    let at = first.length;
    const end = subject.length - last.length;
    for (const part of parts) {
        const found = subject.indexOf(part, at);
        if (found < 0 || found + part.length > end)
            return false;
        at = found + part.length;
    }
    return true;
}

const words = list => (list ?? "").split(",").map(word => word.trim()).filter(Boolean);

function read(row) {
    const seconds = duration => parseDuration(duration) || Infinity;
    return {
        name: row.policy ?? "", subject: row.subject ?? "",
        maxTtl: seconds(row.max_ttl), maxTtlText: row.max_ttl ?? "",
        defaultTtl: seconds(row.default_ttl), defaultTtlText: row.default_ttl ?? "",
        require: new Set(words(row.require)),
        scopes: "scopes" in row ? words(row.scopes) : null,
        also: null,
    };
}

/* Join the rules of [self] and of the subject, which must both be kept. */
function join(self, other) {
    const shorter = self.maxTtl <= other.maxTtl ? self : other;
    const usual = self.defaultTtlText !== "" ? self : other;
    const fits = usual.defaultTtl <= shorter.maxTtl;
    return {
        ...self, name: "",
        maxTtl: shorter.maxTtl, maxTtlText: shorter.maxTtlText,
        defaultTtl: fits ? usual.defaultTtl : shorter.maxTtl, defaultTtlText: fits ? usual.defaultTtlText : shorter.maxTtlText,
        require: new Set([...self.require, ...other.require].filter(word => word !== "subject")), // the daemon sets it
        also: other.scopes,
    };
}

/**
 * The rules for a subject: { name, maxTtl, defaultTtl (seconds, Infinity: none), require: Set, scopes: [patterns] | null }.
 * On a user's own socket, whose first row says how many tokens there are, the two rows are those of this user.
 */
export function rulesFor(rows, subject) {
    const self = rows.find(row => row.policy === "self"), others = rows.filter(row => row !== self);
    if (self !== undefined && "tokens" in self)
        return join(read(self), read(others[0] ?? {}));
    return read(others.find(row => row.policy !== "" && subject !== "" && matches(row.subject ?? "", subject)) ??
        others.find(row => row.policy === "") ?? {});
}

/** On a user's own socket: { subject, tokens, most (null: no limit) }, what he has of what he may have. Else null. */
export function allowanceIn(rows) {
    const own = rows.find(row => row.policy === "self" && "tokens" in row && "subject" in row);
    if (!own)
        return null;
    const limits = rows.map(row => Number(row.max_tokens ?? 0)).filter(limit => limit > 0);
    return { subject: own.subject, tokens: Number(own.tokens), most: limits.length > 0 ? Math.min(...limits) : null };
}

/** Whether a scope may be granted under these rules. */
export function scopeAllowed(rules, scope) {
    return [rules.scopes, rules.also].every(patterns => patterns === null || patterns.some(pattern => matches(pattern, scope)));
}

/** Whether a text holds what looks like a token's value, which must not be sent or shown as anything else. */
export function looksLikeValue(content, prefix) {
    const escaped = String(prefix ?? "jtn").replace(/[^0-9A-Za-z]/g, "\\$&");
    return new RegExp(`(^|[^0-9A-Za-z])${escaped}_[0-9A-Za-z]{30,}`).test(content) || /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/.test(content);
}
