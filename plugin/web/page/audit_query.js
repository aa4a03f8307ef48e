// SPDX-License-Identifier: Apache-2.0
/*
 * What the journal can be asked for: filters in the route, as arguments of `journal`, and as a test of
 * one entry, for those that come live. All of them mean what the daemon means.
 */

import { names } from "./fleet.js";
import { looksLikeValue } from "./policy.js";
import { formatTime, parseDuration, parseTime } from "./time.js";

export const PAGE = 100;
export const EVENTS = ["create", "import", "update", "rotate", "enable", "disable", "revoke", "delete", "ban", "expiring", "purge", "trace", "fleet"];
export const PRESETS = ["today", "7d", "30d", "all"];

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const TEXT_MOST = 256;
const NAME_MOST = 64;

/** Milliseconds at which a day begins here, so many days later; NaN if it is none. */
function dayBegins(day, later = 0) {
    const found = DAY.exec(day ?? "");
    const date = found && new Date(Number(found[1]), Number(found[2]) - 1, Number(found[3]) + later);
    return date && (later > 0 || date.getDate() === Number(found[3])) ? date.getTime() : NaN;
}

function isSince(text) {
    return text === "today" || !Number.isNaN(parseDuration(text)) || !Number.isNaN(dayBegins(text));
}

/** What a route asks for, without nonsense: { id, subject, by, events, since, until }; "": not given. */
export function readQuery(params) {
    const asked = (params.event ?? "").split(",");
    return {
        id: (params.id ?? "").toLowerCase().slice(0, TEXT_MOST),
        subject: (params.subject ?? "").slice(0, TEXT_MOST),
        by: (params.by ?? "").slice(0, NAME_MOST),
        events: EVENTS.filter(event => asked.includes(event)),
        since: isSince(params.since) ? params.since : "",
        until: Number.isNaN(dayBegins(params.until)) ? "" : params.until,
    };
}

/** The route of a query. */
export function routeOf({ id, subject, by, events, since, until }) {
    const pairs = Object.entries({ id, subject, by, event: events.join(","), since, until }).filter(([, value]) => value !== "");
    return `#/audit${pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ""}`;
}

/** Which of the presets a query is, or "range". */
export function presetOf({ since, until }) {
    if (until === "" && (since === "" || PRESETS.includes(since)))
        return since || "all";
    return "range";
}

/** What is wrong with a query: { field: reason }. A value must not stand in a route, nor be sent as a filter. */
export function faultsOf(query, prefix) {
    const faults = {};
    for (const key of ["id", "subject", "by"])
        if (looksLikeValue(query[key], prefix))
            faults[key] = "value";
    if (query.id !== "" && !faults.id && !/^[0-9a-f]{20}$/.test(query.id))
        faults.id = "identifier";
    return faults;
}

export function isFiltered(query) {
    return Object.values(query).some(value => value.length > 0);
}

/** Milliseconds from which on entries are wanted, and before which; null: any. */
function limitsOf({ since, until }) {
    const today = new Date();
    const begin = since === "today" ? new Date(today.getFullYear(), today.getMonth(), today.getDate()).getTime() :
        DAY.test(since) ? dayBegins(since) : since === "" ? null : Date.now() - 1000 * parseDuration(since);
    return { begin, end: until === "" ? null : dayBegins(until, 1) };
}

/** The arguments of `journal`, without place and limit. */
export function argumentsOf(query) {
    const { begin, end } = limitsOf(query);
    const pairs = { id: query.id, subject: query.subject, by: query.by, event: query.events.join(","),
        since: begin === null ? "" : formatTime(begin), until: end === null ? "" : formatTime(end) };
    return Object.fromEntries(Object.entries(pairs).filter(([, value]) => value !== ""));
}

function isBy(entry, by) {
    const uid = /^(?:uid:)?(\d+)$/.exec(by);
    return uid ? entry.by === `uid:${Number(uid[1])}` : entry.by_name === by;
}

/** Whether a query is about an entry. */
export function takes(query, entry) {
    const { begin, end } = limitsOf(query), time = parseTime(entry.time);
    return (query.id === "" || entry.id === query.id || entry.replaces === query.id || names(entry, query.id)) &&
        (query.subject === "" || entry.subject === query.subject || entry.old_subject === query.subject) &&
        (query.by === "" || isBy(entry, query.by)) &&
        (query.events.length === 0 || query.events.includes(entry.event)) &&
        (begin === null || time >= begin - 1000) && (end === null || time < end);
}

/** One page, newest first: { rows, next }; next is the position to go on behind, or undefined. */
export async function loadPage(client, query, after, options) {
    const place = after ? { after } : {};
    const { rows, fields } = await client.request("journal", { ...argumentsOf(query), order: "desc", limit: PAGE, ...place }, options);
    return { rows, next: fields.next ? `${fields.epoch}:${fields.next}` : undefined };
}
