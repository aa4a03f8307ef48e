// SPDX-License-Identifier: Apache-2.0
/* What is done to tokens that are there: revoke, disable and enable, of one, of several, and of all that match. */

import { DaemonError } from "./errors.js";
import { cleanText, h } from "./dom.js";
import { failureText } from "./failure.js";
import { outcomeText } from "./fleet.js";
import { text } from "./strings.js";
import { tokenSummary } from "./token_columns.js";

const NAMED_MOST = 8;

/** An answer that must be OK: an Error with the daemon's message if it is not. */
export function expectOk(answer) {
    if (answer instanceof Error)
        throw new Error(failureText(answer), { cause: answer });
    if (answer.status !== "OK")
        throw new Error(cleanText(answer.fields.message ?? answer.reason));
    return answer;
}

/** Ask one thing that must be done; every failure is an Error to be shown. */
export async function carryOut(client, verb, args) {
    const answer = await client.request(verb, args).catch(error => error);
    return expectOk(answer);
}

function named(rows) {
    return h("ul", { class: "token-names" }, rows.slice(0, NAMED_MOST).map(row => h("li", null, tokenSummary(row))),
        rows.length > NAMED_MOST && h("li", { class: "muted" }, text.tokens.andMore(rows.length - NAMED_MOST)));
}

/** What a denial leaves a token as, whose answer was not OK: it may be in force all the same. */
const DENIED = { revoke: "revoked", disable: "disabled" };

/** Which of these rows are denied now, although the answer was not OK: a Set of identifiers. */
async function heldOf(client, verb, rows) {
    if (!DENIED[verb])
        return new Set();
    const shown = await client.batch(rows.map(row => ["show", { id: row.id }])).catch(() => []);
    return new Set(shown.map(answer => answer.rows?.[0]).filter(row => row?.state === DENIED[verb]).map(row => row.id));
}

function messageOf(answer) {
    return cleanText(answer.fields?.message ?? answer.message ?? answer.reason);
}

/** Show what was not done, and what is in force but not confirmed. */
async function showFailed(app, verb, failed) {
    const held = failed.length > 0 ? await heldOf(app.client, verb, failed.map(({ row }) => row)) : new Set();
    const undone = failed.filter(({ row }) => !held.has(row.id));
    const first = failed.find(({ row }) => held.has(row.id));
    if (undone.length > 0)
        app.toast(text.actions.someFailed(undone.length, messageOf(undone[0].answer)), { kind: "error" });
    if (first)
        app.toast(text.actions.held(verb, held.size, messageOf(first.answer)), { kind: "error" });
}

/** Do one verb to each of these rows, in one exchange. */
async function changeEach(app, verb, rows) {
    const answers = await app.client.batch(rows.map(row => [verb, { id: row.id }]));
    const failed = answers.map((answer, i) => ({ answer, row: rows[i] })).filter(({ answer }) => answer instanceof Error || answer.status !== "OK");
    const done = rows.length - failed.length;
    await showFailed(app, verb, failed);
    if (done > 0) {
        const last = answers.findLast(answer => answer.status === "OK" && answer.fields.place);
        const message = [text.actions[verb].done(done), last && outcomeText(last.fields)].filter(Boolean).join(" ");
        app.toast(message);
        app.announce(message);
    }
    return true;
}

function guarded(run) {
    return async () => {
        try {
            return await run();
        } catch (error) {
            throw new Error(failureText(error), { cause: error });
        }
    };
}

/** Ask, then revoke, disable or enable these tokens. Resolves to whether it was done. */
export function changeTokens(app, verb, rows) {
    const words = text.actions[verb];
    return app.confirm({
        name: verb, title: words.title(rows.length), danger: verb !== "enable", action: words.action(rows.length),
        body: [named(rows), h("p", { class: "consequence" }, rows.some(row => row.group) ? words.inFleet(rows.length) : words.consequence(rows.length))],
        run: guarded(() => changeEach(app, verb, rows)),
    });
}

/** How many tokens these filters let pass, as the daemon counts them for a change of many: { matched, max }. */
async function countMatching(client, verb, filters) {
    try {
        await client.request(verb, filters);
    } catch (error) {
        if (error instanceof DaemonError && error.code === "count")
            return { matched: Number(error.fields.matched), max: Number(error.fields.max ?? 0) };
        throw error;
    }
    return { matched: 0, max: 0 };
}

/** Ask, with how many there are, then change all tokens that match; the daemon refuses if there are others by then. */
export async function changeMatching(app, verb, filters) {
    const words = text.actions[verb];
    let found;
    try {
        found = await countMatching(app.client, verb, filters);
    } catch (error) {
        app.toast(failureText(error), { kind: "error" });
        return false;
    }
    if (found.matched === 0 || found.max > 0) {
        app.toast(found.max > 0 ? text.actions.tooMany(found.matched, found.max) : text.actions.noneMatch, { kind: "error" });
        return false;
    }
    return app.confirm({
        name: `${verb}-matching`, title: words.title(found.matched), danger: verb !== "enable", action: words.action(found.matched),
        body: [h("p", null, text.actions.matching), h("p", { class: "filters mono" }, Object.entries(filters).map(([key, value]) => `${key}=${cleanText(value)}`).join("  ")),
            h("p", { class: "consequence" }, app.client.inFleet && filters.group !== "" ? words.inFleet(found.matched) : words.consequence(found.matched))],
        run: guarded(async () => {
            const answer = await app.client.request(verb, { ...filters, count: found.matched }).catch(error => error);
            if (answer instanceof DaemonError && "changed" in answer.fields) {
                app.toast(text.actions.partly(Number(answer.fields.changed), Number(answer.fields.count), cleanText(answer.message)), { kind: "error" });
                return true; // what became of each, the list shows
            }
            if (answer instanceof Error)
                throw answer;
            const { fields } = expectOk(answer);
            app.toast([words.done(Number(fields.changed ?? fields.count ?? found.matched)), outcomeText(fields)].filter(Boolean).join(" "));
            return true;
        }),
    });
}
