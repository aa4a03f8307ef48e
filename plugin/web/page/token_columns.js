// SPDX-License-Identifier: Apache-2.0
/* The columns of the list of tokens, and the parts of a token that other views show as well. */

import { identifier } from "./copy.js";
import { clean, cleanText, h } from "./dom.js";
import { asksGroups, groupCell } from "./fleet.js";
import { icon } from "./icons.js";
import { text } from "./strings.js";
import { parseTime, timeNode } from "./time.js";
import { nameOf } from "./token_query.js";

const SOON_MS = 14 * 86400 * 1000;
const SCOPES_SHOWN = 2;

/** A token's state as a badge. */
export function stateBadge(state) {
    return h("span", { class: `badge badge-${/^[a-z]+$/.test(state) ? state : "plain"}`, "data-state": state }, text.states[state] ?? cleanText(state));
}

function moreScopes(hidden, className) {
    return hidden.length > 0 && h("span", { class: `chip-more muted ${className}`, title: cleanText(hidden.join(", ")) }, text.tokens.more(hidden.length));
}

/** Scopes as chips. short: two of them, or one where it is narrow (table.css), and how many more there are. */
export function scopeChips(scopes, short = false) {
    const all = (scopes ?? "").split(",").filter(Boolean);
    if (all.length === 0)
        return h("span", { class: "muted" }, text.time.none);
    const shown = short ? all.slice(0, SCOPES_SHOWN) : all;
    return h("span", { class: "chip-list" }, shown.map(scope => [h("span", { class: "chip" }, clean(scope)), " "]),
        short && [moreScopes(all.slice(SCOPES_SHOWN), "more-than-two"), moreScopes(all.slice(1), "more-than-one")]);
}

/** When a token expires, marked if that is within 14 days. */
export function expiry(row) {
    if (!row.expires)
        return h("span", { class: "muted" }, text.time.never);
    const left = parseTime(row.expires) - Date.now();
    const live = row.state === "active" || row.state === "pending" || row.state === "disabled";
    const soon = live && left < SOON_MS;
    return h("span", { class: soon ? "expires-soon" : null, "data-soon": soon ? "yes" : null }, soon && icon("warning"), timeNode(row.expires));
}

function description(row) {
    return h("a", { href: `#/token/${row.id}`, class: row.description ? "token-link" : "token-link unnamed", "data-action": "open", title: row.description ? cleanText(row.description) : null },
        row.description ? clean(row.description) : text.tokens.noDescription);
}

function lastUse(row) {
    return row.used ? timeNode(row.used) : h("span", { class: "muted" }, text.tokens.neverUsed);
}

function refusals(row) {
    return h("span", null, h("strong", null, text.tokens.times(Number(row.refused ?? 0))), ", ", timeNode(row.last_refused));
}

function personOf(row, key) {
    return clean(row[`${key}_name`] ?? row[key] ?? text.time.none);
}

/** The columns for a view; actions(row), if any, gives the buttons at a row's end. */
export function columnsFor(view, app, actions) {
    const labels = text.tokens.columns;
    const column = (key, cell, more = {}) => ({ key, label: labels[key], cell, className: `column-${key}`, ...more });
    const group = asksGroups(app.client) ? [column("group", groupCell)] : [];
    const end = actions ? [column("actions", actions, { hideLabel: true })] : [];
    const first = [
        column("description", description),
        column("id", row => identifier(app, row.id)),
        column("state", row => stateBadge(row.state)),
    ];
    if (view === "refused") {
        return [...first, column("revoked", row => timeNode(row.revoked)), column("refused", refusals),
            column("refused_by", row => personOf(row, "refused_by")), column("used", lastUse, { sort: "used" }),
            column("subject", row => (row.subject ? clean(row.subject) : h("span", { class: "muted" }, text.time.none))), ...group];
    }
    const fourth = view === "policy" ? column("violates", row => h("span", { class: "violates" }, text.tokens.rules(row.violates ?? ""))) : column("used", lastUse, { sort: "used" });
    return [...first, column("created", row => timeNode(row.created), { sort: "created" }), fourth, column("expires", expiry, { sort: "expires" }),
        column("scopes", row => scopeChips(row.scopes, true)),
        column("subject", row => (row.subject ? clean(row.subject) : h("span", { class: "muted" }, text.time.none)), { sort: "subject" }), ...group, ...end];
}

/** A token named in a dialog: description, identifier and subject. */
export function tokenSummary(row) {
    return h("div", { class: "token-summary", "data-id": row.id }, h("strong", null, clean(nameOf(row))),
        h("span", { class: "muted" }, h("code", null, row.id), row.subject ? [" \u00b7 ", text.tokens.columns.subject, " ", clean(row.subject)] : "",
            row.group ? [" \u00b7 ", text.tokens.columns.group, " ", clean(row.group)] : ""));
}
