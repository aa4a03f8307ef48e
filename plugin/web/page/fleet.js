// SPDX-License-Identifier: Apache-2.0
/*
 * Tokens of a fleet: their group, which says what hosts honour them, the host they were made on, and the
 * places of the fleet's history. Only on a host of a fleet, which its hello() tells.
 */

import { identifier } from "./copy.js";
import { clean, cleanText, h } from "./dom.js";
import { routeTo } from "./route.js";
import { text } from "./strings.js";

/** In a route, for the tokens of this host alone: no group has such a name. */
export const HOST_ALONE = ":host";
/** A name of a group, or of a host of the fleet. */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

const SAMPLE = 1000; // of the newest tokens, in whose claims one looks

/** Whether lists can be asked for groups and origins: on a host of a fleet, but not on a user's own socket. */
export function asksGroups(client) {
    return client.inFleet && client.role !== "self";
}

/** The groups, or the origins, of the newest tokens, sorted; `claim` is "group" or "origin". */
export async function namesInUse(client, claim) {
    const found = new Set();
    await client.request("list", { sort: "created", order: "desc", limit: SAMPLE, fields: claim }, { onRow: row => { row[claim] && found.add(row[claim]); } });
    return [...found].sort();
}

/** The group and the origin of a token, for a list. */
export function groupCell(row) {
    if (!row.group)
        return h("span", { class: "muted" }, text.time.none);
    return h("span", { class: "group", title: cleanText(row.origin ? text.fleet.from(row.group, row.origin) : row.group) }, clean(row.group), row.origin && h("span", { class: "muted" }, " \u00b7 ", clean(row.origin)));
}

/** A group, with the way to all of its tokens where lists can be asked for that. */
export function groupLink(client, group) {
    return asksGroups(client) && NAME.test(group) ? h("a", { href: routeTo("tokens", { group }), "data-action": "group" }, clean(group)) : clean(group);
}

/** A place of the fleet's history, by its serial; the whole of it is its title. */
export function placeNode(place) {
    return h("span", { class: "place", title: cleanText(place) }, text.fleet.change(cleanText(String(place).split(":")[0])));
}

/** What the answer to a change says of the fleet, as a sentence; "" if it says nothing. */
export function outcomeText(fields) {
    if (!fields.place)
        return "";
    const counted = fields.hosts === undefined ? "" : text.fleet.seen(Number(fields.seen ?? 0), Number(fields.hosts));
    return [text.fleet.committed(cleanText(fields.place.split(":")[0])), counted].filter(Boolean).join(" ");
}

/** Of a change that perhaps made a token: which one that would be. */
export function perhapsThere(app, error) {
    const id = error.fields?.id;
    return /^[0-9a-f]{20}$/.test(id ?? "") && h("div", null, text.fleet.mayBe, " ", identifier(app, id));
}

function idsOf(entry) {
    return (entry.ids ?? "").split(",").filter(id => /^[0-9a-f]{20}$/.test(id));
}

/** How many tokens came, of which an entry names the first ones. */
function broughtBy(entry) {
    return ["puts", "denies", "drops"].reduce((sum, key) => sum + (Number(entry[key]) || 0), 0);
}

/** Whether an entry of the journal may be about a token; one about what the agent brought does not name them all. */
export function isAbout(entry, id) {
    return [entry.id, entry.replaces, entry.replaced_by].includes(id) || idsOf(entry).includes(id) ||
        (entry.event === "fleet" && ("snapshot" in entry || "rewound" in entry || broughtBy(entry) > idsOf(entry).length));
}

/** Whether an entry names a token as one that the agent brought, as the daemon's filter id= has it. */
export function names(entry, id) {
    return entry.event === "fleet" && idsOf(entry).includes(id);
}

/** What an entry says of the fleet, as items of a list. */
export function fleetItems(entry) {
    const words = text.fleet;
    const items = [];
    const item = (label, ...content) => items.push(h("li", null, label && h("span", { class: "muted" }, label, ": "), content));
    if (entry.event === "fleet") {
        const ids = idsOf(entry), more = broughtBy(entry) - ids.length;
        item("", words.brought(Number(entry.puts) || 0, Number(entry.denies) || 0, Number(entry.drops) || 0));
        if ("snapshot" in entry)
            item("", words.snapshot);
        if ("rewound" in entry)
            item("", words.rewound);
        if (ids.length > 0)
            item(words.tokens, ids.map(id => [h("a", { href: `#/token/${id}` }, h("code", null, id)), " "]), more > 0 && text.tokens.andMore(more));
    }
    if (entry.group)
        item(text.claims.group, clean(entry.group));
    if (entry.place)
        item(words.place, placeNode(entry.place));
    return items;
}
