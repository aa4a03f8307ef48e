// SPDX-License-Identifier: Apache-2.0
/*
 * Audit: the journal, newest first, in pages of a hundred. The filters stand in the route. On the first
 * page what happens comes in live; on others only its number does. An export is of all that matches.
 */

import { download, exportCsv } from "./audit_export.js";
import { auditFilters } from "./audit_filters.js";
import { faultsOf, isFiltered, loadPage, PAGE, readQuery, routeOf, takes } from "./audit_query.js";
import { clean, h, replace } from "./dom.js";
import { changesOf, eventBadge, personOf } from "./entry.js";
import { failureText } from "./failure.js";
import { icon } from "./icons.js";
import { showNote } from "./note.js";
import { text } from "./strings.js";
import { table } from "./table.js";
import { scopeChips } from "./token_columns.js";
import { exact, formatTime, parseTime, timeNode } from "./time.js";

const LIVE_MS = 400;
const ANNOUNCE_MS = 5000; // several are announced together
const placeOf = entry => `${entry.epoch}:${entry.serial}`;

function tokenOf(entry) {
    if (!/^[0-9a-f]{20}$/.test(entry.id ?? ""))
        return h("span", { class: "muted" }, text.time.none);
    const name = entry.description || entry.subject;
    return [h("a", { href: `#/token/${entry.id}`, "data-action": "open" }, h("code", null, entry.id)), name && h("div", { class: "audit-name muted" }, clean(name))];
}

/** What an entry says of the token that it made, one line for each claim. */
function claimsOf(entry) {
    const line = (key, value) => value && h("li", null, h("span", { class: "muted" }, text.claims[key], ": "), value);
    const time = key => !Number.isNaN(parseTime(entry[key])) && exact(parseTime(entry[key]));
    const lines = [
        line("subject", entry.description && entry.subject && clean(entry.subject)), line("scopes", entry.scopes && scopeChips(entry.scopes)),
        line("activates", time("activates")), line("expires", time("expires")), line("revoked", time("revoked")), line("disabled", time("disabled")),
    ].filter(Boolean);
    return lines.length > 0 ? h("ul", { class: "entry-changes" }, lines) : null;
}

function detailsOf(entry) {
    const isNew = ["create", "import", "rotate", "ban", "expiring"].includes(entry.event);
    return [changesOf(entry), isNew && claimsOf(entry)];
}

function columns() {
    const labels = text.audit.columns;
    const column = (key, cell) => ({ key, label: labels[key], cell, className: `column-${key}` });
    return [
        column("time", entry => timeNode(entry.time, { style: "stamp" })),
        column("event", entry => eventBadge(entry.event)),
        column("token", tokenOf),
        column("changes", detailsOf),
        column("by", personOf),
        column("serial", entry => h("span", { class: "muted" }, clean(entry.serial))),
    ];
}

class AuditView {
    #rows = [];
    #next;
    #pages = []; // where each page but the first begins
    #coming = []; // entries that are not shown yet, newest first
    #missed = 0;
    #arrived = 0; // since they were announced
    #announced = -Infinity;
    #abort = null;
    #loading = false;
    #timer = 0;
    #export = null;

    constructor(root, app, params) {
        this.app = app;
        if (!app.client.may("journal")) {
            replace(root, h("div", { class: "empty card", "data-empty": "forbidden" }, h("h2", { tabindex: "-1", "data-focus": "" }, text.audit.heading), h("p", null, text.audit.forbidden)));
            this.stop = () => {};
            return;
        }
        this.parts = this.#build(root);
        this.update(params);
        this.stop = app.onChange(entry => this.#noticed(entry));
    }

    // -- the parts ------------------------------------------------------------------------------

    #build(root) {
        const words = text.audit;
        this.table = table({ name: "audit", caption: words.caption, columns: columns(), rowId: placeOf });
        const parts = {
            filters: auditFilters({ onChange: query => this.#go(query) }),
            export: h("button", { type: "button", class: "button", "data-action": "export", onclick: () => this.#exportOrStop() }, words.exportButton),
            progress: h("p", { class: "audit-progress muted", role: "status", "data-name": "export", hidden: true }),
            count: h("span", { class: "muted audit-count", role: "status", "data-name": "count" }),
            news: h("button", { type: "button", class: "button button-small", "data-action": "show-new", hidden: true, onclick: () => this.#first() }),
            note: h("div", { class: "list-note", role: "status", hidden: true }),
            holder: h("div", { class: "table-holder" }),
            newer: h("button", { type: "button", class: "button button-small", "data-action": "previous-page", onclick: () => this.#turn(-1) }, icon("back"), words.newer),
            older: h("button", { type: "button", class: "button button-small", "data-action": "next-page", onclick: () => this.#turn(1) }, words.older, icon("forward")),
            page: h("span", { class: "muted", "data-name": "page" }),
        };
        parts.pager = h("nav", { class: "pager", "aria-label": text.tokens.pages, hidden: true }, parts.page, parts.newer, parts.older);
        replace(root,
            h("div", { class: "view-head" }, h("h2", { tabindex: "-1", "data-focus": "" }, words.heading), h("p", { class: "muted" }, words.intro), parts.export),
            parts.filters.node, h("div", { class: "audit-bar" }, parts.count, parts.news), parts.progress, parts.note, parts.holder, parts.pager);
        return parts;
    }

    // -- what is asked for ----------------------------------------------------------------------

    update(params) {
        if (!this.parts)
            return;
        this.query = readQuery(params);
        this.#pages = [];
        const faults = faultsOf(this.query, this.app.hello.prefix);
        this.parts.filters.show(this.query, faults);
        if (Object.keys(faults).length === 0)
            return this.load();
        this.#abort?.abort();
        this.#rows = [];
        this.#show();
    }

    /** The filters were changed by hand. */
    #go(query) {
        const faults = faultsOf(query, this.app.hello.prefix);
        this.parts.filters.setFaults(faults);
        if (Object.keys(faults).length > 0)
            return;
        const route = routeOf(query);
        location.hash === route ? this.#first() : this.app.navigate(route);
    }

    #first() {
        this.#pages = [];
        return this.load();
    }

    #turn(by) {
        if (by > 0 && this.#pages.at(-1) === this.#next)
            return; // pressed again before that page was there
        by > 0 ? this.#pages.push(this.#next) : this.#pages.pop();
        this.load().then(() => {
            this.parts.holder.scrollIntoView({ block: "nearest" });
            this.app.announce(text.tokens.page(this.#pages.length + 1));
        });
    }

    /** Read the page. live: because something changed. */
    async load({ live = false } = {}) {
        this.#abort?.abort();
        const abort = this.#abort = new AbortController();
        this.#loading = true;
        this.#coming = [];
        this.#missed = 0;
        this.parts.holder.setAttribute("aria-busy", "true");
        try {
            const page = await loadPage(this.app.client, this.query, this.#pages.at(-1), { signal: abort.signal });
            this.#rows = page.rows;
            this.#next = page.next;
            this.#note("");
            this.#loading = false;
            this.#show(live);
            this.#merge();
        } catch (error) {
            if (abort.signal.aborted)
                return;
            this.#loading = false;
            if (error.code === "gone" && this.#pages.length > 0)
                return this.#first();
            if (!(live && this.app.client.state !== "up"))
                this.#note(failureText(error), true);
        } finally {
            if (this.#abort === abort)
                this.parts.holder.removeAttribute("aria-busy");
        }
    }

    // -- what is shown --------------------------------------------------------------------------

    #show(live = false) {
        const { parts } = this;
        const number = this.#pages.length + 1, shown = this.#rows.length;
        this.table.setRows(this.#rows, { live });
        replace(parts.holder, shown > 0 ? this.table.node : this.#empty());
        parts.pager.hidden = number === 1 && !this.#next;
        parts.newer.disabled = number === 1;
        parts.older.disabled = !this.#next;
        parts.page.textContent = text.tokens.page(number);
        const first = (number - 1) * PAGE + 1;
        parts.count.textContent = shown === 0 ? "" : text.audit.shown(first, first + shown - 1, !this.#next);
        parts.news.hidden = this.#missed === 0;
        parts.news.textContent = text.audit.news(this.#missed);
    }

    #empty() {
        const words = text.audit;
        const filtered = isFiltered(this.query);
        return h("div", { class: "empty card", "data-empty": filtered ? "filtered" : "all" }, h("h3", null, filtered ? words.noMatch : words.none), h("p", null, filtered ? words.noMatchHint : words.noneHint));
    }

    #note(message, failed = false) {
        showNote(this.parts.note, message, failed && (() => this.load()));
    }

    // -- what happens meanwhile -----------------------------------------------------------------

    #noticed(entry) {
        if (entry && !takes(this.query, entry))
            return;
        if (entry)
            this.#coming.unshift(entry);
        this.#coming.length = Math.min(this.#coming.length, PAGE);
        this.#missed += entry ? 1 : 0;
        this.reload ||= entry === null;
        this.#timer ||= setTimeout(() => {
            this.#timer = 0;
            const again = this.reload;
            this.reload = false;
            again ? this.load({ live: true }) : this.#merge();
        }, LIVE_MS);
    }

    /** Put what came live before the first page's rows; elsewhere show how much there is. */
    #merge() {
        if (this.#loading)
            return;
        if (this.#pages.length > 0)
            return this.#show();
        const newest = this.#rows[0];
        const fresh = this.#coming.filter(entry => !newest || entry.epoch !== newest.epoch || Number(entry.serial) > Number(newest.serial));
        this.#coming = [];
        this.#missed = 0;
        if (fresh.length === 0)
            return;
        const rows = [...fresh, ...this.#rows];
        if (rows.length > PAGE)
            this.#next = placeOf(rows[PAGE - 1]);
        this.#rows = rows.slice(0, PAGE);
        this.#show(true);
        this.#arrived += fresh.length;
        if (performance.now() - this.#announced > ANNOUNCE_MS) {
            this.#announced = performance.now();
            this.app.announce(text.audit.arrived(this.#arrived));
            this.#arrived = 0;
        }
    }

    // -- export ---------------------------------------------------------------------------------

    #exportOrStop() {
        return this.#export ? this.#export.abort() : this.#runExport();
    }

    async #runExport() {
        const { parts, app } = this;
        const abort = this.#export = new AbortController();
        const report = message => { parts.progress.hidden = message === ""; parts.progress.textContent = message; };
        parts.export.textContent = text.audit.exportStop;
        report(text.audit.exporting(0));
        try {
            const { blob, count } = await exportCsv(app.client, this.query, { signal: abort.signal, onProgress: count => report(text.audit.exporting(count)) });
            download(blob, `jeton-audit-${formatTime(Date.now()).slice(0, 10)}.csv`);
            app.toast(text.audit.exported(count));
        } catch (error) {
            if (!abort.signal.aborted)
                app.toast(text.audit.exportFailed(failureText(error)), { kind: "error" });
        }
        report("");
        parts.export.textContent = text.audit.exportButton;
        this.#export = null;
    }

    unmount() {
        this.stop();
        this.#abort?.abort();
        this.#export?.abort();
        clearTimeout(this.#timer);
    }
}

export function mount(root, app, params) {
    return new AuditView(root, app, params);
}
