// SPDX-License-Identifier: Apache-2.0
/* An entry of the journal as words: what happened, by whom, and what changed. For One token and Audit. */

import { clean, cleanText, h } from "./dom.js";
import { fleetItems } from "./fleet.js";
import { text } from "./strings.js";
import { exact, parseTime, timeNode } from "./time.js";

const KIND = { create: "good", import: "good", enable: "good", rotate: "good", revoke: "bad", delete: "bad", ban: "bad", disable: "warn", expiring: "warn" };
const CHANGED = ["description", "subject", "scopes", "expires"];

/** The event as a badge. */
export function eventBadge(event) {
    return h("span", { class: `badge badge-plain badge-${KIND[event] ?? "plain"}`, "data-event": /^[a-z]+$/.test(event ?? "") ? event : "other" }, text.events[event] ?? cleanText(event));
}

/** Who did it, by name where there is one; and who had logged in, if that is somebody else. */
export function personOf(entry) {
    const login = entry.login && entry.login !== entry.by;
    return h("span", { class: "person", title: cleanText(`${entry.by ?? ""}${entry.pid ? `, ${text.entry.process(entry.pid)}` : ""}`) }, clean(entry.by_name ?? entry.by ?? text.time.none),
        login && h("span", { class: "muted" }, " ", text.entry.loggedInAs, " ", clean(entry.login_name ?? entry.login)));
}

function claimNode(key, value) {
    if (value === undefined || value === "")
        return h("span", { class: "muted" }, key === "expires" ? text.time.never : text.time.none);
    if (key === "expires" && !Number.isNaN(parseTime(value)))
        return h("span", null, exact(parseTime(value)));
    return clean(value);
}

/** What an update changed, as old → new; of another entry what there is to know, or null. */
export function changesOf(entry) {
    const changed = CHANGED.filter(key => `old_${key}` in entry);
    const words = text.entry;
    const parts = changed.map(key => h("li", null, h("span", { class: "muted" }, text.claims[key], ": "), claimNode(key, entry[`old_${key}`]),
        h("span", { "aria-hidden": "true" }, " \u2192 "), h("span", { class: "visually-hidden" }, ` ${words.became} `), claimNode(key, entry[key])));
    if (entry.replaces)
        parts.push(h("li", null, words.replaces, " ", h("a", { href: `#/token/${entry.replaces}` }, h("code", null, entry.replaces))));
    if (entry.replaced_by)
        parts.push(h("li", null, words.replacedBy, " ", h("a", { href: `#/token/${entry.replaced_by}` }, h("code", null, entry.replaced_by))));
    if (entry.warn)
        parts.push(h("li", null, words.warned(cleanText(entry.warn))));
    parts.push(...fleetItems(entry));
    return parts.length > 0 ? h("ul", { class: "entry-changes" }, parts) : null;
}

/** An entry as an item of a history. */
export function entryItem(entry) {
    return h("li", { class: "entry", "data-serial": entry.serial }, h("div", { class: "entry-head" }, eventBadge(entry.event), h("span", { class: "muted" }, text.entry.by, " "), personOf(entry), h("span", { class: "entry-time muted" }, timeNode(entry.time))),
        changesOf(entry));
}
