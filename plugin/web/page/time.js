// SPDX-License-Identifier: Apache-2.0
/*
 * Times as people read them: "3 hours ago", with the exact time as the title. One timer keeps every
 * such element on the page right.
 */

import { h } from "./dom.js";
import { text } from "./strings.js";

const relativeFormat = new Intl.RelativeTimeFormat(text.locale, { numeric: "always" });
const dayRelativeFormat = new Intl.RelativeTimeFormat(text.locale, { numeric: "auto" }); // "yesterday"
const dayFormat = new Intl.DateTimeFormat(text.locale, { day: "numeric", month: "short", year: "numeric" });
const exactFormat = new Intl.DateTimeFormat(text.locale, { dateStyle: "medium", timeStyle: "long" });
const stampFormat = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const clockFormat = new Intl.DateTimeFormat(text.locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const UNITS = [["year", 31536000, 2], ["month", 2592000, 2], ["day", 86400, 1], ["hour", 3600, 1], ["minute", 60, 0.75]]; // each from so many on

const tickers = new Set();

/** Milliseconds since 1970 of an RFC 3339 time, or NaN. */
export function parseTime(iso) {
    return typeof iso === "string" ? Date.parse(iso) : NaN;
}

/** RFC 3339 in UTC with whole seconds, as the protocol has it. */
export function formatTime(milliseconds) {
    return new Date(milliseconds).toISOString().slice(0, 19) + "Z";
}

/** "in 5 days", "3 hours ago", "just now". */
export function relative(milliseconds, from = Date.now()) {
    const seconds = Math.round((milliseconds - from) / 1000);
    if (Math.abs(seconds) < 45)
        return seconds > 5 ? text.time.soon : text.time.justNow;
    const [unit, length] = UNITS.find(([, size, least]) => Math.abs(seconds) >= size * least);
    const format = unit === "day" ? dayRelativeFormat : relativeFormat;
    return format.format((seconds > 0 ? Math.round : Math.trunc)(seconds / length) || Math.sign(seconds), unit);
}

/** "29 Dec 2026, 14:05:00 CET", with the zone. */
export function exact(milliseconds) {
    return exactFormat.format(milliseconds);
}

/** "2026-12-29 14:05:00". */
export function stamp(milliseconds) {
    return stampFormat.format(milliseconds);
}

/** "Dec 29, 2026". */
export function day(milliseconds) {
    return dayFormat.format(milliseconds);
}

/** "14:05", with the day unless it is today. */
export function clock(milliseconds) {
    const today = dayFormat.format(Date.now()) === dayFormat.format(milliseconds);
    return today ? clockFormat.format(milliseconds) : `${dayFormat.format(milliseconds)}, ${clockFormat.format(milliseconds)}`;
}

/** "4 min 12 s", of a number of seconds. */
export function span(seconds) {
    const s = Math.max(0, Math.ceil(seconds));
    if (s < 60)
        return text.time.seconds(s);
    if (s < 3600)
        return text.time.minutes(Math.floor(s / 60), s % 60);
    if (s < 172800)
        return text.time.hours(Math.floor(s / 3600), Math.floor(s % 3600 / 60));
    return text.time.days(Math.floor(s / 86400));
}

const DURATION = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };

/** Seconds of a duration as the protocol writes it, "90d", or NaN. */
export function parseDuration(duration) {
    const found = /^(\d{1,12})([smhdwy])$/.exec(duration ?? "");
    return found ? Number(found[1]) * DURATION[found[2]] : NaN;
}

/** "90d" as "90 days". */
export function durationText(duration) {
    const found = /^(\d{1,12})([smhdwy])$/.exec(duration ?? "");
    return found ? text.time.duration(Number(found[1]), found[2]) : String(duration);
}

/** A <time> of how long ago it was, or until then, which is kept right; the exact time is its title. */
export function timeNode(iso, { style = "relative" } = {}) {
    const milliseconds = parseTime(iso);
    if (Number.isNaN(milliseconds))
        return h("span", null, text.time.none);
    const shown = { relative, day, exact, clock, stamp }[style](milliseconds);
    return h("time", { datetime: iso, title: exact(milliseconds), "data-style": style }, shown);
}

/** Milliseconds until one of these tokens becomes active or expires, if that is within the next hour; else NaN. */
export function untilChange(rows) {
    const times = rows.flatMap(row => (row.state === "revoked" ? [] : [parseTime(row.activates), parseTime(row.expires)])).map(time => time - Date.now()).filter(left => left > 0 && left < 3600000);
    return times.length > 0 ? Math.min(...times) : NaN;
}

/** Call fn every second until the returned function is called. */
export function onTick(fn) {
    tickers.add(fn);
    return () => tickers.delete(fn);
}

function refresh() {
    for (const node of document.querySelectorAll("time[data-style=relative]")) {
        const shown = relative(parseTime(node.dateTime));
        if (node.textContent !== shown)
            node.textContent = shown;
    }
}

let ticks = 0;
setInterval(() => {
    for (const fn of [...tickers])
        fn();
    if (++ticks % 15 === 0 && !document.hidden)
        refresh();
}, 1000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
