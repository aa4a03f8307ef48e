// SPDX-License-Identifier: Apache-2.0
/*
 * Every text of the page, one object for each view, so that it can be translated. Where there is a
 * number or a name, a function makes the text.
 */

const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

const UNIT = { s: ["second", "seconds"], m: ["minute", "minutes"], h: ["hour", "hours"], d: ["day", "days"], w: ["week", "weeks"], y: ["year", "years"] };

const shell = {
    settings: "Settings",
    title: "API Access Tokens",
    documentTitle: view => (view ? `${view} \u00b7 API Access Tokens` : "API Access Tokens"),
    tokens: "Tokens",
    mine: "My tokens",
    token: "Token",
    audit: "Audit",
    whose: "Whose is this?",
    health: "Health",
    navigation: "Sections",
    skip: "Skip to the content",
    role: { admin: "Administrator", observe: "Read only", self: "Your own tokens" },
    roleHint: {
        admin: "You may create, change and revoke every token.",
        observe: "You may look at every token, and change none.",
        self: "You see and change your own tokens only.",
    },
    live: "Live",
    offline: "Not connected",
    back: "Connected again.",
    lostTitle: "Not connected.",
    lost: "The connection was lost. It is tried again; what you have typed is kept.",
    daemonGone: "jetond does not answer. It is tried again; what you have typed is kept.",
    unauthorized: "This session has ended. Start \u201cjeton web\u201d again and open the new link.",
    loading: "Loading\u2026",
    loadFailed: "This part of the page could not be loaded.",
    startFailed: "The page could not be started.",
    again: "Try again",
    close: "Close",
    cancel: "Cancel",
    ok: "OK",
    copy: "Copy",
    copied: "Copied",
    copyFailed: "It could not be copied. It is selected: press Ctrl+C.",
    copyIdentifier: id => `Copy identifier ${id}`,
    unknownOutcome: "The connection broke before the answer. It is not known whether this was done: look before you try again.",
};

const form = {
    required: "required by the policy",
};

const time = {
    justNow: "just now",
    soon: "in less than a minute",
    none: "\u2014",
    never: "Never",
    seconds: s => `${s} s`,
    minutes: (m, s) => `${m} min ${String(s).padStart(2, "0")} s`,
    hours: (hours, m) => `${hours} h ${String(m).padStart(2, "0")} min`,
    days: d => count(d, "day", "days"),
    duration: (n, unit) => count(n, ...UNIT[unit]),
};

const states = { active: "Active", pending: "Pending", disabled: "Disabled", expired: "Expired", revoked: "Revoked", banned: "Banned" };

export const text = { shell, form, time, states };
