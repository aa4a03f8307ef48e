// SPDX-License-Identifier: Apache-2.0
/*
 * A table of the rows that are shown, and no others: sorted by its headers, with rows that can be
 * selected, and updated in place, so that focus and selection stay where they are. On a narrow screen
 * each row is a card (table.css), for which the roles are written out; of the header, what selects all is left.
 *
 * columns: [{ key, label, sort?: name for onSort, hideLabel?, className?, cell(row) → child or children }]
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { text } from "./strings.js";

function sortButton(column, onSort) {
    return h("button", { type: "button", class: "sort-button", "data-sort": column.sort, onclick: () => onSort(column.sort) },
        column.label, h("span", { class: "sort-mark" }, icon("up"), icon("down")));
}

function headerCell(column, onSort) {
    const label = column.hideLabel ? h("span", { class: "visually-hidden" }, column.label) : column.label;
    return h("th", { scope: "col", role: "columnheader", class: column.className, "data-column": column.key }, column.sort ? sortButton(column, onSort) : label);
}

/** Where the focus is inside a row, to be given back when the row is made anew. */
function focusIn(tr) {
    const active = document.activeElement;
    return tr.contains(active) ? active.dataset.action ?? active.dataset.name ?? "" : null;
}

function giveFocus(tr, name) {
    if (name !== null)
        (tr.querySelector(`[data-action="${name}"], [data-name="${name}"]`) ?? tr.querySelector("a, button"))?.focus();
}

/** The checkboxes of rows. Selected rows stay selected while other pages are shown. */
class Selection {
    rows = new Map();

    constructor(rowId, label, changed) {
        Object.assign(this, { rowId, label, changed });
        this.all = h("input", { type: "checkbox", "data-action": "select-page", onchange: () => this.#setAll(this.all.checked) });
    }

    box(row) {
        const id = this.rowId(row);
        return h("input", { type: "checkbox", checked: this.rows.has(id), "aria-label": text.table.select(this.label(row)), "data-action": "select",
            onchange: event => this.#set(row, event.target) });
    }

    show(bodyRows) {
        this.shown = bodyRows;
        const boxes = this.#boxes();
        const checked = boxes.filter(box => box.checked).length;
        this.all.checked = boxes.length > 0 && checked === boxes.length;
        this.all.indeterminate = checked > 0 && checked < boxes.length;
        this.all.disabled = boxes.length === 0;
    }

    clear() {
        this.rows.clear();
        for (const box of this.#boxes())
            this.#mark(box, false);
        this.#done();
    }

    #boxes() { return [...this.shown?.querySelectorAll("[data-action=select]") ?? []]; }

    #mark(box, yes) {
        box.checked = yes;
        box.closest("tr").classList.toggle("row-selected", yes);
    }

    #set(row, box) {
        box.checked ? this.rows.set(this.rowId(row), row) : this.rows.delete(this.rowId(row));
        this.#mark(box, box.checked);
        this.#done();
    }

    #setAll(yes) {
        for (const box of this.#boxes()) {
            if (box.checked !== yes) {
                this.#mark(box, yes);
                box.dispatchEvent(new Event("change"));
            }
        }
    }

    #done() {
        this.show(this.shown);
        this.changed(this.rows);
    }
}

class Table {
    #rows = new Map(); // id → { tr, mark }

    constructor({ name, caption, columns, rowId, rowLabel = rowId, onSort = () => {}, onSelect = null, rowClass = () => "" }) {
        Object.assign(this, { columns, rowId, rowClass });
        this.selection = onSelect ? new Selection(rowId, rowLabel, onSelect) : null;
        this.body = h("tbody", { role: "rowgroup" });
        this.headers = columns.map(column => headerCell(column, onSort));
        const selectAll = this.selection && h("th", { scope: "col", role: "columnheader", class: "column-select" },
            h("label", { class: "select-all" }, h("span", { class: "visually-hidden" }, text.table.selectPage), this.selection.all));
        this.node = h("div", { class: "table-frame card" }, h("table", { class: onSelect ? "table table-selectable" : "table", role: "table", "data-table": name },
            h("caption", { class: "visually-hidden" }, caption),
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, selectAll, this.headers)), this.body));
        this.selection?.show(this.body);
    }

    /** Show the order in the headers. */
    setSort(name, order) {
        this.columns.forEach((column, i) => {
            if (column.sort === name)
                this.headers[i].setAttribute("aria-sort", order === "desc" ? "descending" : "ascending");
            else
                this.headers[i].removeAttribute("aria-sort");
        });
    }

    /** Show these rows. live: what is new or different among them is marked for a moment. */
    setRows(rows, { live = false } = {}) {
        const before = this.#rows;
        const anyFocus = [...before].find(([, entry]) => entry.tr.contains(document.activeElement))?.[0];
        this.#rows = new Map();
        const nodes = rows.map(row => {
            const old = before.get(this.rowId(row));
            const mark = JSON.stringify(row);
            const tr = old?.mark === mark ? old.tr : this.#makeRow(row, live);
            this.#rows.set(this.rowId(row), { tr, mark });
            return tr;
        });
        const name = anyFocus === undefined ? null : focusIn(before.get(anyFocus).tr);
        this.#place(nodes);
        const focused = this.#rows.get(anyFocus)?.tr;
        if (focused && !focused.contains(document.activeElement))
            giveFocus(focused, name);
        this.selection?.show(this.body);
    }

    /** Put these rows into the body, and move none that is in its place: it may have the focus. */
    #place(nodes) {
        const kept = new Set(nodes);
        for (const tr of [...this.body.children])
            if (!kept.has(tr))
                tr.remove();
        nodes.forEach((tr, i) => this.body.children[i] === tr || this.body.insertBefore(tr, this.body.children[i] ?? null));
    }

    #makeRow(row, live) {
        const tr = h("tr", { role: "row", "data-id": this.rowId(row), class: this.rowClass(row), onanimationend: () => tr.classList.remove("row-changed") },
            this.selection && h("td", { role: "cell", class: "column-select" }, this.selection.box(row)),
            this.columns.map(column => h("td", { role: "cell", class: column.className, "data-column": column.key, "data-label": column.hideLabel ? null : column.label }, column.cell(row))));
        tr.classList.toggle("row-selected", this.selection?.rows.has(this.rowId(row)) ?? false);
        tr.classList.toggle("row-changed", live);
        return tr;
    }
}

export function table(options) {
    return new Table(options);
}
