// SPDX-License-Identifier: Apache-2.0
/* What is done to tokens that are there: revoke, disable and enable, of one, of several, and of all that match. */

import { DaemonError } from "./errors.js";
import { cleanText, h } from "./dom.js";
import { failureText } from "./failure.js";
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

/** Do one verb to each of these rows, in one exchange. */
async function changeEach(app, verb, rows) {
    const answers = await app.client.batch(rows.map(row => [verb, { id: row.id }]));
    const failed = answers.map((answer, i) => ({ answer, row: rows[i] })).filter(({ answer }) => answer instanceof Error || answer.status !== "OK");
    const done = rows.length - failed.length;
    if (failed.length > 0) {
        const first = failed[0].answer;
        app.toast(text.actions.someFailed(failed.length, cleanText(first.fields?.message ?? first.message ?? first.reason)), { kind: "error" });
    }
    if (done > 0) {
        app.toast(text.actions[verb].done(done));
        app.announce(text.actions[verb].done(done));
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
        body: [named(rows), h("p", { class: "consequence" }, words.consequence(rows.length))],
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
            h("p", { class: "consequence" }, words.consequence(found.matched))],
        run: guarded(async () => {
            const answer = expectOk(await app.client.request(verb, { ...filters, count: found.matched }));
            const done = Number(answer.fields.changed ?? answer.fields.count ?? found.matched);
            app.toast(words.done(done));
            return true;
        }),
    });
}
