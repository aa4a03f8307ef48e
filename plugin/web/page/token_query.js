// SPDX-License-Identifier: Apache-2.0
/*
 * What the list of tokens can be asked for: the saved views, and their pages of a hundred rows. A page
 * is asked for by the place behind the one before, so that going on costs the same on every page.
 */

import { cleanText } from "./dom.js";
import { asksGroups, NAME, HOST_ALONE } from "./fleet.js";
import { text } from "./strings.js";

export const PAGE = 100;
const EXPIRING = "14d";

const SCAN_STEP = 2000; // rows of one request where the page looks through tokens itself

/** The views, each with its filters and order; those that a socket does not grant are not offered. */
export const VIEWS = {
    all: { filters: {}, sort: "created", order: "desc" },
    expiring: { filters: { expires_within: EXPIRING }, state: "active", sort: "expires", order: "asc" },
    unused: { filters: { never_used: "yes" }, state: "active", sort: "created", order: "asc" },
    policy: { filters: { policy: "violated" }, sort: "created", order: "desc" },
    refused: { filters: {}, state: "revoked", fixed: true, sort: "used", order: "desc", keep: row => Number(row.refused ?? 0) > 0 },
};

export const STATES = ["active", "pending", "disabled", "expired", "revoked"];
const SORTS = ["created", "expires", "used", "subject"];

/** The names of the views that a socket grants; a user's own takes no filter by policy. */
export function viewsOf(client) {
    return Object.keys(VIEWS).filter(name => name !== "policy" || (client.may("policy") && client.role !== "self"));
}

/** What a route asks for, with what it leaves open filled in and nonsense left out: { view, state, group and origin ("": any), sort, order }. */
export function readQuery(params, client) {
    const view = viewsOf(client).includes(params.view) ? params.view : "all";
    const defaults = VIEWS[view];
    const state = params.state === "any" || STATES.includes(params.state) ? params.state : defaults.state ?? "any";
    const sort = SORTS.includes(params.sort) ? params.sort : defaults.sort;
    const order = params.order === "asc" || params.order === "desc" ? params.order : sort === defaults.sort ? defaults.order : "asc";
    const group = asksGroups(client) && (params.group === HOST_ALONE || NAME.test(params.group ?? "")) ? params.group : "";
    const origin = asksGroups(client) && NAME.test(params.origin ?? "") ? params.origin : "";
    return { view, state: defaults.fixed ? defaults.state : state, group, origin, sort, order };
}

/** The parts of a route for a query: what is the view's default is left out. */
export function writeQuery({ view, state, group, origin, sort, order }) {
    const defaults = VIEWS[view];
    const same = sort === defaults.sort && order === defaults.order;
    return { view: view === "all" ? "" : view, state: state === (defaults.state ?? "any") ? "" : state, group, origin, sort: same ? "" : sort, order: same ? "" : order };
}

/** The filters of a query, as `list` and the changes of many take them. */
export function filtersOf(query, search) {
    const filters = { ...VIEWS[query.view].filters };
    if (query.state !== "any")
        filters.state = query.state;
    if (query.group !== "")
        filters.group = query.group === HOST_ALONE ? "" : query.group;
    if (query.origin !== "")
        filters.origin = query.origin;
    if (search !== "")
        filters.match = search;
    return filters;
}

/** One step of a look through tokens: the rows that are wanted, at most so many, and where to go on. */
async function scanStep(client, args, keep, most, options) {
    const rows = [];
    let seen = 0, enough = 0;
    const answer = await client.request("list", args, { ...options, onRow: row => {
        seen++;
        if (rows.length < most && keep(row) && rows.push(row) === most)
            enough = seen;
    } });
    if (enough === 0 || enough === seen)
        return { rows, seen, next: answer.fields.next };
    // Where to go on behind the last row that was taken: only the daemon knows.
    const shorter = await client.request("list", { ...args, limit: enough, fields: "id" }, { ...options, onRow() {} });
    return { rows, seen: enough, next: shorter.fields.next };
}

/** Look through tokens in order until a page of those that are wanted is together. */
async function scan(client, args, keep, after, { signal, onProgress }) {
    const rows = [];
    let next = after, seen = 0;
    do {
        const step = await scanStep(client, { ...args, limit: SCAN_STEP, ...(next ? { after: next } : {}) }, keep, PAGE - rows.length, { signal });
        rows.push(...step.rows);
        next = step.next;
        onProgress?.(seen += step.seen);
    } while (next && rows.length < PAGE);
    return { rows: await withNames(client, rows, signal), next };
}

/** Rows as `show` has them, with people's names, in one exchange. */
async function withNames(client, rows, signal) {
    const shown = await client.batch(rows.map(row => ["show", { id: row.id }]), { signal });
    return rows.map((row, i) => shown[i].rows?.[0] ?? row);
}

/** One page: { rows, next }. search: text, or an identifier; after: where the page before ended. */
export async function loadPage(client, query, search, after, options = {}) {
    if (/^[0-9a-f]{20}$/i.test(search)) {
        const found = await client.request("show", { id: search.toLowerCase() }, options);
        return { rows: found.rows };
    }
    const args = { ...filtersOf(query, search), sort: query.sort, order: query.order };
    const { keep } = VIEWS[query.view];
    if (keep)
        return scan(client, args, keep, after, options);
    const answer = await client.request("list", { ...args, limit: PAGE, ...(after ? { after } : {}) }, options);
    return { rows: answer.rows, next: answer.fields.next };
}

/** How a token is called: its description, or its identifier where it has none. A stranger's text: see clean(). */
export function nameOf(row) {
    return row.description || text.tokens.unnamed(row.id);
}

/** Likewise, for attributes. */
export function plainName(row) {
    return cleanText(nameOf(row));
}
