// SPDX-License-Identifier: Apache-2.0
/*
 * Every text of the page, one object for each view, so that it can be translated. Where there is a
 * number or a name, a function makes the text.
 */

import { count, locale, number } from "./locale.js";
import { audit, health, whose } from "./strings_audit.js";
import { fleet } from "./strings_fleet.js";

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
    lost: "The connection was lost. Trying again; what you have typed is kept.",
    serverGone: "\u201cjeton web\u201d does not answer. Trying again; what you have typed is kept. If it has ended, start it again and open the new link.",
    daemonGone: "jetond does not answer. Trying again; what you have typed is kept.",
    stranger: "Something else answers at this address: \u201cjeton web\u201d has ended, and another program has taken its port. Nothing was sent to it. Copy what you need from here, close this page without reloading it, start \u201cjeton web\u201d again and open the new link.",
    forbidden: "You may not open a socket of the daemon: you need to be in the group of one, or to turn on administrative access in Cockpit. Trying again; what you have typed is kept.",
    unauthorized: "This session has ended. Start \u201cjeton web\u201d again and open the new link.",
    loading: "Loading\u2026",
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
    daemonDown: "jetond does not answer, and nothing was done. Try again when it is back.",
    requestLost: "The connection was lost, and nothing was done. Try again when it is back.",
    busy: "The server has too much to do just now, and nothing was done. Try again in a moment.",
    nonsense: detail => `The answer was not understood: ${detail}.`,
    discardTitle: "Discard what you have entered?",
    discardHint: "Nothing has been created or changed yet.",
    discard: "Discard",
    keepEditing: "Go on editing",
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

const table = {
    selectPage: "Select all on this page",
    select: name => `Select ${name}`,
};

const tokens = {
    heading: "Tokens",
    headingMine: "My tokens",
    intro: "Whoever presents a token\u2019s value may do what its scopes allow. The identifier only names it.",
    caption: "Tokens",
    create: "Create Token",
    allowance: (subject, tokens, most) => `Your tokens are for the name ${subject}. You have ${most === null ? number(tokens) : `${number(tokens)} of ${number(most)}`}.`,
    allowanceSpent: "Revoke one to create another.",
    views: "Saved views",
    view: { all: "All", expiring: "Expiring soon", unused: "Never used", policy: "Against policy", refused: "Who still uses revoked tokens" },
    search: "Filter by description, subject or identifier",
    stateFilter: "State",
    anyState: "Any state",
    groupFilter: "Group",
    anyGroup: "Any group",
    hostAlone: "This host alone",
    originFilter: "Made on",
    anyOrigin: "Made on any host",
    selection: "Selected tokens",
    selected: n => count(n, "token selected", "tokens selected"),
    clearSelection: "Clear selection",
    revokeMatching: "Revoke all that match\u2026",
    revokeNamed: name => `Revoke ${name}`,
    andMore: n => `and ${number(n)} more`,
    more: n => `+${n}`,
    noDescription: "No description",
    unnamed: id => `token ${id}`,
    neverUsed: "Never",
    times: n => count(n, "time", "times"),
    shown: (from, to, total) => `${number(from)}\u2013${number(to)}${total ? ` of ${number(total)}` : ""}`,
    found: n => count(n, "token shown", "tokens shown"),
    page: n => `Page ${number(n)}`,
    pages: "Pages",
    previous: "Previous",
    next: "Next",
    searching: "Looking through all tokens\u2026",
    lookedAt: n => `${number(n)} tokens looked at\u2026`,
    columns: {
        description: "Description", id: "Identifier", state: "State", created: "Created", used: "Last used", expires: "Expires", scopes: "Scopes", subject: "Subject",
        group: "Group", violates: "Breaks", revoked: "Revoked", refused: "Refused", refused_by: "Presented to", actions: "Actions",
    },
    rules: words => words.split(",").map(word => ({ max_ttl: "lasts too long", require: "lacks a claim", scopes: "scope not granted", max_tokens_per_subject: "too many of this subject" })[word.trim()] ?? word.trim()).join(", "),
    sortBy: "Sort by",
    sorted: { "created desc": "Newest first", "created asc": "Oldest first", "used desc": "Last used first", "used asc": "Unused first", "expires asc": "Ending first", "expires desc": "Ending last", "subject asc": "Subject A\u2013Z", "subject desc": "Subject Z\u2013A" },
    noMatch: "No token matches",
    clearFilters: "Clear filters",
    empty: {
        all: "No tokens yet", expiring: "Nothing expires within 14 days", unused: "Every active token has been used",
        policy: "No token breaks the policy", refused: "Nobody uses a revoked token",
    },
    emptyHint: {
        all: "Create the first one: its value is shown once, to be copied.", expiring: "Tokens appear here two weeks before they end.",
        unused: "Active tokens that nobody has used yet appear here.", policy: "Tokens that could not be made as they are now appear here.",
        refused: "Revoked tokens whose value is still presented appear here.",
    },
    valuePasted: "This looks like a token\u2019s value",
    valuePastedHint: "It was not sent. To find the token behind a value, paste it there:",
};

const HELD = { revoke: "revoked", disable: "disabled" };

const actions = {
    matching: "Every token that these filters let pass:",
    noneMatch: "No token matches these filters.",
    tooMany: (n, max) => `${number(n)} tokens match; one change can be of ${number(max)} at most. Narrow the filters.`,
    held: (verb, n, message) => `${count(n, "token is", "tokens are")} ${HELD[verb]} on this host, but that is not confirmed: ${message}`,
    partly: (changed, all, message) => `${number(changed)} of ${count(all, "token", "tokens")} changed. ${message}`,
    someFailed: (n, message) => `${count(n, "token was", "tokens were")} not changed: ${message}`,
    revoke: {
        button: "Revoke",
        title: n => (n === 1 ? "Revoke this token?" : `Revoke ${number(n)} tokens?`),
        action: n => (n === 1 ? "Revoke" : `Revoke ${number(n)}`),
        consequence: n => `${n === 1 ? "It is" : "They are"} refused at once, everywhere, and for good: a revoked token cannot be made valid again.`,
        inFleet: n => `${n === 1 ? "It is" : "They are"} refused on this host at once, on other hosts of the fleet as soon as they have it from its database, and for good: a revoked token cannot be made valid again.`,
        done: n => `${count(n, "token", "tokens")} revoked.`,
    },
    disable: {
        button: "Disable",
        title: n => (n === 1 ? "Disable this token?" : `Disable ${number(n)} tokens?`),
        action: n => (n === 1 ? "Disable" : `Disable ${number(n)}`),
        consequence: n => `${n === 1 ? "It is" : "They are"} refused at once, everywhere, until enabled again.`,
        inFleet: n => `${n === 1 ? "It is" : "They are"} refused on this host at once, and on other hosts of the fleet as soon as they have it from its database, until enabled again.`,
        done: n => `${count(n, "token", "tokens")} disabled.`,
    },
    enable: {
        button: "Enable",
        title: n => (n === 1 ? "Enable this token?" : `Enable ${number(n)} tokens?`),
        action: n => (n === 1 ? "Enable" : `Enable ${number(n)}`),
        consequence: n => `${n === 1 ? "Its value is" : "Their values are"} accepted again from now on.`,
        inFleet: n => `${n === 1 ? "Its value is" : "Their values are"} accepted again once the fleet\u2019s database has confirmed that.`,
        done: n => `${count(n, "token", "tokens")} enabled.`,
    },
};

const chips = {
    suggestions: "Suggested scopes",
    remove: scope => `Remove ${scope}`,
    added: scope => `${scope} added`,
    removed: scope => `${scope} removed`,
};

const create = {
    title: "Create Token",
    created: "Token created",
    submit: "Create Token",
    description: "Description",
    descriptionHint: "What the token is for, so that others know later.",
    subject: "Subject",
    subjectHint: "The service or person that the token speaks for.",
    subjectOwn: name => `It speaks for you, ${name}.`,
    scopes: "Scopes",
    scopesHint: "What it may be used for. End each with a comma or Enter.",
    scopesGranted: (patterns, name) => patterns === "" ? "The policy grants none." : `${name ? `The policy \u201c${name}\u201d grants` : "The policy grants"}: ${patterns}`,
    group: "Group of the fleet",
    groupHint: "Every host of that group honours the token. Empty: this host alone.",
    groupForm: "A group has letters, digits and . _ - only, begins with none of . and -, and has 64 characters at most.",
    scopeRefused: scopes => `The policy does not grant ${scopes}.`,
    scopeForm: "A scope has letters, digits and . _ : / * - only, and 64 characters at most.",
    missing: "The policy requires this.",
    valueInText: "This looks like a token\u2019s value, which must not stand here: everybody may read it.",
    lifetime: "Expires after",
    more: "Activation",
    activation: "Active from",
    activationHint: "Until then it is answered 401, with the time to wait.",
    delay: duration => ({ "": "The usual delay of this host", "0s": "At once", "5m": "After 5 minutes", "1h": "After an hour", "1d": "After a day" })[duration],
    delayTime: "At a time\u2026",
    activationTime: "Date and time of activation",
    activationPast: "Choose a time that is still to come.",
};

const lifetime = {
    byRules: "Default",
    byRulesHint: "As long as the rules of this host allow.",
    date: "On a date\u2026",
    dateLabel: "Last day",
    never: "Never",
    neverHint: "It works until somebody revokes it.",
    endsOn: date => `Ends on ${date}.`,
    limited: (most, name) => `${name ? `The policy \u201c${name}\u201d allows` : "The policy allows"} ${most} at most.`,
    mustExpire: "The policy requires an end.",
    dateMissing: "Choose a day that is still to come.",
};

const value = {
    label: "The token\u2019s value",
    once: "Copy the value now.",
    onceHint: "You will not see this again: nobody can show it, not even an administrator.",
    identifier: "Identifier",
    identifierHint: "Names the token in lists, logs and the audit trail. It authenticates nothing, and need not be kept secret.",
    expires: "Expires",
    group: "Group",
    groupHint: group => `Every host of the group ${group} honours it.`,
    oldPending: "The old token ends on this host as you asked. The fleet\u2019s database has not confirmed that yet: until it has, other hosts may accept the old value, and its end is sent again.",
    copied: "Copied to the clipboard.",
    notCopied: "Close without the value?",
    notCopiedHint: "It was not copied, and it is not shown again. Without it the token is of no use; you would revoke it and create another.",
    closeAnyway: "Close without it",
    goBack: "Go back",
    pendingUntil: time => `Requests with it are answered 401 until ${time}`,
    activeNow: "It is active now.",
};

const edit = {
    button: "Edit",
    title: "Edit token",
    submit: "Save",
    lifetime: "Expires, counted from now",
    keep: "As it is",
    done: "The token was changed.",
};

const rotate = {
    button: "Rotate",
    title: "Rotate token",
    created: "New value created",
    submit: "Rotate",
    intro: "Makes a new token with the same claims and a new value. Use it where a value is lost, leaked or due.",
    graceLabel: "The old value goes on to work",
    grace: duration => ({ "": "Not at all", "1h": "For 1 hour", "1d": "For 1 day", "7d": "For 7 days" })[duration],
    consequence: duration => (duration === "" ? "The old value is refused at once, for good." : "After that it is refused, for good. This cannot be extended later."),
    lifetime: "The new one expires after",
    keep: "Same end",
};

const token = {
    back: "All tokens",
    actions: "What can be done",
    claims: "Claims",
    use: "Use",
    history: "History",
    noHistory: "The journal has no entry about it any more.",
    historyCut: shown => `The last ${number(shown)} entries.`,
    historyAll: "All of them",
    unknown: "There is no such token",
    unknownHint: "It never existed here, or it ended and was removed after its retention.",
    explain: {
        revoked: "It is refused everywhere, for good.",
        disabled: "It is refused everywhere until it is enabled again.",
        expired: "Its lifetime is over: it is refused everywhere.",
    },
};

const claims = {
    description: "Description", subject: "Subject", noSubject: "None: it speaks for nobody in particular", scopes: "Scopes", noScopes: "None", created: "Created", activates: "Activates",
    expires: "Expires", revoked: "Revoked", disabled: "Disabled", owner: "Owner", digest: "Known by", replaces: "Replaces", replacedBy: "Replaced by",
    group: "Group", origin: "Made on", hostAlone: "None: it is of this host alone",
};

const use = {
    last: "Last used",
    refusals: "Refused",
    noRefusals: "Never",
    lastRefusal: "Last refusal",
    as: "as",
    reused: "Used after rotation",
    reusedHint: "Somebody still has the value that was rotated away.",
};

const events = {
    create: "Created", import: "Imported", update: "Changed", revoke: "Revoked", disable: "Disabled", enable: "Enabled", rotate: "Rotated", delete: "Deleted", ban: "Banned",
    trace: "Traced", purge: "Removed", expiring: "Will expire", fleet: "Fleet",
};

const entry = {
    by: "by",
    process: pid => `process ${pid}`,
    loggedInAs: "logged in as",
    became: "became",
    replaces: "replaces",
    replacedBy: "replaced by",
    warned: duration => `announced ${duration} before its end`,
};

export const text = {
    locale, fleet,
    shell, form, time, states, table, tokens, actions, chips, create, lifetime, value, edit, rotate, token, claims, use, events, entry, whose, audit, health,
};
