// SPDX-License-Identifier: Apache-2.0
/*
 * The list of tokens: saved views, filters, order, pages of a hundred, selection. What others change
 * is read again, no more often than a fifth of the time may be spent on it. The search is kept in
 * memory, not in the route: somebody may paste a value there.
 */

import { cleanText, h, replace, replaceOthers } from "./dom.js";
import { failureText } from "./failure.js";
import { asksGroups, HOST_ALONE, namesInUse } from "./fleet.js";
import { icon } from "./icons.js";
import { showNote } from "./note.js";
import { allowanceIn, looksLikeValue } from "./policy.js";
import { routeTo } from "./route.js";
import { text } from "./strings.js";
import { untilChange } from "./time.js";
import { table } from "./table.js";
import { changeMatching, changeTokens } from "./token_actions.js";
import { columnsFor } from "./token_columns.js";
import { filtersOf, loadPage, PAGE, plainName, readQuery, STATES, VIEWS, viewsOf, writeQuery } from "./token_query.js";
import { openCreate } from "./view_create.js";

const TYPING_MS = 250;
const REFRESH_MS = 700;
const SLOW_MS = 700;
const AGAIN_MS = 60000;

class TokensView {
    #page = { rows: [], next: undefined };
    #abort = null;
    #timer = 0;
    #due = 0;
    #loading = false;
    #stale = false; // something changed while the page was read

    constructor(root, app, params) {
        this.app = app;
        this.isOwn = app.role === "self";
        this.kept = app.kept.tokens ??= { search: "", route: "", pages: [] };
        this.mayRevoke = app.client.may("revoke");
        this.parts = this.#build(root);
        this.update(params, true);
        this.stop = app.onChange(entry => this.#noticed(entry));
    }

    // -- the parts ------------------------------------------------------------------------------

    #build(root) {
        const words = text.tokens;
        const parts = {
            views: h("nav", { class: "saved-views", "aria-label": words.views }),
            search: h("input", { type: "search", class: "input search-input", placeholder: words.search, "aria-label": words.search, autocomplete: "off", spellcheck: "false",
                maxlength: 1024, value: this.kept.search, "data-field": "search", oninput: () => this.#typed() }),
            state: h("select", { class: "select", "aria-label": words.stateFilter, "data-field": "state", onchange: () => this.#go({ state: parts.state.value }) },
                h("option", { value: "any" }, words.anyState), STATES.map(state => h("option", { value: state }, text.states[state]))),
            group: this.#fleetFilter("group", words.groupFilter, words.anyGroup, h("option", { value: HOST_ALONE }, words.hostAlone)),
            origin: this.#fleetFilter("origin", words.originFilter, words.anyOrigin),
            sort: h("select", { class: "select narrow-only", "aria-label": words.sortBy, "data-field": "sort", onchange: () => this.#sortChosen() },
                Object.entries(words.sorted).map(([value, label]) => h("option", { value }, label))),
            allowance: h("p", { class: "allowance", "data-name": "allowance", hidden: true }),
            count: h("span", { class: "muted toolbar-end", "data-name": "count" }),
            note: h("div", { class: "list-note", role: "status", hidden: true }),
            bulk: h("div", { class: "bulk", role: "region", "aria-label": words.selection, hidden: true }),
            holder: h("div", { class: "table-holder" }),
            pager: this.#pager(),
        };
        const create = this.app.client.may("create") && h("button", { type: "button", class: "button button-primary", "data-action": "create", onclick: () => this.#create() }, icon("plus"), words.create);
        replace(root,
            h("div", { class: "view-head" }, h("h2", { tabindex: "-1", "data-focus": "" }, this.isOwn ? words.headingMine : words.heading), h("p", { class: "muted" }, words.intro), parts.allowance, create),
            parts.views, h("div", { class: "toolbar" }, h("div", { class: "search" }, icon("search"), parts.search), parts.state, parts.group, parts.origin, parts.sort, parts.count),
            parts.note, parts.bulk, parts.holder, parts.pager.node);
        return parts;
    }

    /** On a host of a fleet: the groups, or the origins, of the newest tokens, and whatever is asked for. */
    #fleetFilter(claim, label, any, ...more) {
        const select = h("select", { class: "select", "aria-label": label, "data-field": claim, hidden: !asksGroups(this.app.client), onchange: () => this.#go({ [claim]: select.value }) },
            h("option", { value: "" }, any), ...more);
        if (asksGroups(this.app.client))
            namesInUse(this.app.client, claim).then(names => names.forEach(name => this.#offer(claim, name)), () => {});
        return select;
    }

    #offer(claim, name) {
        const select = this.parts[claim];
        if (![...select.options].some(option => option.value === name))
            select.append(h("option", { value: name }, cleanText(name)));
    }

    #pager() {
        const words = text.tokens;
        const first = h("button", { type: "button", class: "button button-small", "data-action": "previous-page", onclick: () => this.#turn(-1) }, icon("back"), words.previous);
        const next = h("button", { type: "button", class: "button button-small", "data-action": "next-page", onclick: () => this.#turn(1) }, words.next, icon("forward"));
        const label = h("span", { class: "muted", "data-name": "page" });
        return { node: h("nav", { class: "pager", "aria-label": words.pages, hidden: true }, label, first, next), first, next, label };
    }

    #buildTable() {
        const view = this.query.view;
        const actions = row => this.mayRevoke && row.state !== "revoked" && h("button", { type: "button", class: "icon-button row-revoke", "data-action": "revoke",
            "aria-label": text.tokens.revokeNamed(plainName(row)), title: text.actions.revoke.button, onclick: () => this.#change("revoke", [row]) }, icon("revoke"));
        this.table = table({
            name: "tokens", caption: text.tokens.caption, columns: columnsFor(view, this.app, this.mayRevoke ? actions : null), rowId: row => row.id, rowLabel: plainName,
            rowClass: row => `token-${row.state}`,
            onSort: sort => this.#go({ sort, order: this.query.sort === sort ? (this.query.order === "asc" ? "desc" : "asc") : sort === "subject" || sort === "expires" ? "asc" : "desc" }),
            onSelect: this.mayRevoke && view !== "refused" ? () => this.#showSelection() : null,
        });
        this.tableView = view;
    }

    // -- what is asked for ----------------------------------------------------------------------

    /** The route has changed: show its first page, or, on the way back from a token, the page that was left. */
    update(params, opened = false) {
        this.query = readQuery(params, this.app.client);
        const route = routeTo("tokens", writeQuery(this.query));
        if (this.kept.route !== route)
            this.kept.pages = [];
        this.kept.route = route;
        this.#showQuery();
        this.table.selection?.clear();
        this.load().then(() => opened && this.#comeBack());
    }

    /** Back from a token: to where the list was, and to that token's row. */
    #comeBack() {
        const { visited } = this.app.kept;
        const link = visited && this.parts.holder.querySelector(`tr[data-id="${visited}"] [data-action=open]`);
        this.app.kept.visited = null;
        if (!link)
            return;
        scrollTo(0, this.kept.scroll ?? 0);
        link.focus({ preventScroll: true });
    }

    #go(change) {
        this.app.navigate(routeTo("tokens", writeQuery({ ...this.query, ...change })));
    }

    #sortChosen() {
        const [sort, order] = this.parts.sort.value.split(" ");
        this.#go({ sort, order });
    }

    #showQuery() {
        const { query, parts, app } = this;
        if (this.tableView !== query.view)
            this.#buildTable();
        this.table.setSort(query.sort, query.order);
        parts.state.value = query.state;
        for (const claim of ["group", "origin"]) {
            this.#offer(claim, query[claim]);
            parts[claim].value = query[claim];
        }
        parts.sort.value = `${query.sort} ${query.order}`;
        parts.state.disabled = Boolean(VIEWS[query.view].fixed);
        const links = viewsOf(app.client)
            .map(view => h("a", { href: routeTo("tokens", { view: view === "all" ? "" : view }), class: "saved-view", "data-view-link": view, "aria-current": view === query.view ? "true" : null }, text.tokens.view[view]));
        const focused = parts.views.contains(document.activeElement);
        replace(parts.views, links);
        if (focused)
            parts.views.querySelector("[aria-current]")?.focus();
    }

    #typed() {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => {
            this.kept.search = this.parts.search.value.trim();
            this.kept.pages = [];
            this.table.selection?.clear();
            this.load();
        }, TYPING_MS);
    }

    #turn(by) {
        const { pages } = this.kept;
        if (by > 0 && pages.at(-1) === this.#page.next)
            return; // pressed again before that page was there
        by > 0 ? pages.push(this.#page.next) : pages.pop();
        this.load().then(() => { this.parts.holder.scrollIntoView({ block: "nearest" }); this.app.announce(text.tokens.page(pages.length + 1)); });
    }

    /** Read the page and show it. live: because something changed; then what is shown stays until the answer is there. */
    async load({ live = false } = {}) {
        this.#abort?.abort();
        const abort = this.#abort = new AbortController();
        const search = this.kept.search, begun = performance.now();
        if (looksLikeValue(search, this.app.hello.prefix))
            return this.#showValuePasted();
        this.#loading = true;
        this.#stale = false;
        this.parts.holder.setAttribute("aria-busy", "true");
        const slow = setTimeout(() => live || this.#note(search === "" ? text.shell.loading : text.tokens.searching), SLOW_MS);
        try {
            this.#page = await loadPage(this.app.client, this.query, search, this.kept.pages.at(-1),
                { signal: abort.signal, onProgress: seen => live || this.#note(text.tokens.lookedAt(seen)) });
            this.#note("");
            if (this.#page.rows.length === 0 && this.kept.pages.length > 0)
                return this.#turn(-1); // the last page has become empty
            this.#showPage(live);
            if (!live)
                this.app.announce(this.#page.rows.length > 0 ? text.tokens.found(this.#page.rows.length) : text.tokens.noMatch);
        } catch (error) {
            if (!abort.signal.aborted && !(live && this.app.client.state !== "up"))
                this.#note(failureText(error), true);
        } finally {
            clearTimeout(slow);
            this.#due = performance.now() + Math.max(REFRESH_MS, 4 * (performance.now() - begun));
            if (this.#abort === abort)
                this.#loaded();
        }
    }

    #loaded() {
        this.#loading = false;
        this.parts.holder.removeAttribute("aria-busy");
        if (this.#stale)
            this.#noticed(null);
    }

    // -- what is shown --------------------------------------------------------------------------

    #showPage(live) {
        const { rows, next } = this.#page;
        const { parts, kept } = this;
        this.table.setRows(rows, { live });
        for (const row of rows)
            ["group", "origin"].forEach(claim => row[claim] && this.#offer(claim, row[claim]));
        if (rows.length === 0)
            replace(parts.holder, this.#empty());
        else if (this.table.node.parentNode !== parts.holder)
            replace(parts.holder, this.table.node);
        const number = kept.pages.length + 1;
        parts.pager.node.hidden = number === 1 && !next;
        parts.pager.first.disabled = number === 1;
        parts.pager.next.disabled = !next;
        parts.pager.label.textContent = text.tokens.page(number);
        this.#showCount(number, rows.length, Boolean(next));
        if (this.isOwn)
            this.#showAllowance();
        this.#showSelection();
        this.#lookAgain(untilChange(rows));
    }

    /** Read again when a token's state changes by itself, and now and then for what the journal does not have: uses. */
    #lookAgain(left) {
        clearTimeout(this.again);
        this.again = setTimeout(() => VIEWS[this.query.view].keep || this.#noticed(null), Math.min(left + 1000 || Infinity, AGAIN_MS));
    }

    async #showCount(number, shown, more) {
        const { parts, query, kept } = this;
        const first = (number - 1) * PAGE + 1;
        const all = query.view === "all" && query.state === "any" && query.group === "" && query.origin === "" && kept.search === "";
        let total = more ? null : first - 1 + shown;
        parts.count.textContent = shown === 0 ? "" : text.tokens.shown(first, first - 1 + shown, total);
        if (all && more && this.app.client.may("stats")) {
            const stats = await this.app.client.request("stats").catch(() => null);
            total = Number(stats?.rows.find(row => row.name === "tokens")?.value) || null;
            if (this.#page.rows.length === shown)
                parts.count.textContent = text.tokens.shown(first, first - 1 + shown, total);
        }
    }

    /** On a user's own socket: the name that the tokens are for, and how many of how many there are. */
    async #showAllowance() {
        const answer = await this.app.client.request("policy").catch(() => null);
        const own = allowanceIn(answer?.rows ?? []);
        if (!own)
            return;
        const spent = own.most !== null && own.tokens >= own.most;
        this.parts.allowance.hidden = false;
        replace(this.parts.allowance, text.tokens.allowance(cleanText(own.subject), own.tokens, own.most), spent && h("span", { class: "warn-text" }, " ", text.tokens.allowanceSpent));
    }

    #empty() {
        const words = text.tokens;
        const filtered = this.kept.search !== "" || this.query.group !== "" || this.query.origin !== "" || this.query.state !== (VIEWS[this.query.view].state ?? "any");
        const reset = () => {
            this.parts.search.value = this.kept.search = "";
            this.kept.pages = [];
            const plain = routeTo("tokens", { view: this.query.view === "all" ? "" : this.query.view });
            location.hash === plain ? this.load() : this.app.navigate(plain);
        };
        return h("div", { class: "empty card", "data-empty": filtered ? "filtered" : this.query.view },
            h("h3", null, filtered ? words.noMatch : words.empty[this.query.view]), h("p", null, filtered ? "" : words.emptyHint[this.query.view]),
            filtered && h("button", { type: "button", class: "button", "data-action": "clear-filters", onclick: reset }, words.clearFilters));
    }

    #note(message, failed = false) {
        showNote(this.parts.note, message, failed && (() => this.load()));
    }

    #showValuePasted() {
        this.#page = { rows: [], next: undefined };
        this.#stale = false;
        this.#loaded();
        this.#note("");
        this.parts.pager.node.hidden = true;
        replace(this.parts.holder, h("div", { class: "empty card", role: "alert", "data-empty": "value" }, h("h3", null, text.tokens.valuePasted), h("p", null, text.tokens.valuePastedHint),
            h("button", { type: "button", class: "button", onclick: () => { this.parts.search.value = this.kept.search = ""; this.app.navigate("#/whose"); } }, text.shell.whose)));
    }

    #selected() {
        return [...this.table.selection?.rows.values() ?? []];
    }

    #filters() {
        return filtersOf(this.query, this.kept.search);
    }

    #showSelection() {
        const { bulk } = this.parts;
        const count = this.#selected().length;
        bulk.hidden = count === 0;
        if (count === 0)
            return replace(bulk);
        const button = (verb, kind) => this.app.client.may(verb) && h("button", { type: "button", class: `button button-small ${kind}`, "data-action": `${verb}-selected`,
            onclick: () => this.#change(verb, this.#selected()) }, text.actions[verb].action(count));
        const every = this.app.role === "admin" && this.#page.next && Object.keys(this.#filters()).length > 0 && this.table.selection.all.checked;
        const focused = bulk.contains(document.activeElement) ? document.activeElement : null;
        replaceOthers(bulk, h("strong", { role: "status" }, text.tokens.selected(count)), button("revoke", "button-danger"), button("disable", ""), button("enable", ""),
            every && h("button", { type: "button", class: "button button-small", "data-action": "revoke-matching", onclick: () => this.#changeAll(this.#filters()) }, text.tokens.revokeMatching),
            h("button", { type: "button", class: "button button-small button-quiet", "data-action": "clear-selection", onclick: () => { this.table.selection.clear(); this.parts.search.focus(); } }, text.tokens.clearSelection));
        if (focused && !focused.isConnected)
            bulk.querySelector(`[data-action="${focused.dataset.action}"]`)?.focus();
    }

    // -- what is done ---------------------------------------------------------------------------

    async #change(verb, rows) {
        if (await changeTokens(this.app, verb, rows))
            this.#changed();
    }

    async #changeAll(filters) {
        if (await changeMatching(this.app, "revoke", filters))
            this.#changed();
    }

    #changed() {
        const lost = this.parts.bulk.contains(document.activeElement);
        this.table.selection?.clear();
        if (lost)
            this.parts.search.focus();
        this.load({ live: true });
    }

    async #create() {
        const created = await openCreate(this.app);
        if (created)
            this.load({ live: true });
    }

    // -- what others do -------------------------------------------------------------------------

    #noticed(entry) {
        if (entry && VIEWS[this.query.view].keep)
            return; // it is looked for among all tokens: not for each change
        this.#stale = this.#loading; // what is being read is not given up: it may take long
        if (this.#timer || this.#loading || this.gone)
            return;
        this.#timer = setTimeout(() => {
            this.#timer = 0;
            this.#readAgain();
        }, Math.max(REFRESH_MS / 3, this.#due - performance.now()));
    }

    #readAgain() {
        if (document.hidden)
            document.addEventListener("visibilitychange", () => this.#noticed(null), { once: true });
        else if (this.#loading)
            this.#stale = true;
        else
            this.load({ live: true });
    }

    unmount() {
        this.gone = true;
        const typed = this.parts.search.value.trim();
        this.kept.search = looksLikeValue(typed, this.app.hello.prefix) ? "" : typed; // a value is not kept
        this.kept.scroll = scrollY;
        this.stop();
        this.#abort?.abort();
        clearTimeout(this.#timer);
        clearTimeout(this.typing);
        clearTimeout(this.again);
    }
}

export function mount(root, app, params) {
    return new TokensView(root, app, params);
}
