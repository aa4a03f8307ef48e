// SPDX-License-Identifier: Apache-2.0
/* The filters of the audit: their controls, which show a query and call back when it was changed by hand. */

import { EVENTS, PRESETS, presetOf } from "./audit_query.js";
import { eventBadge } from "./entry.js";
import { h, replace } from "./dom.js";
import { segmented } from "./form.js";
import { icon } from "./icons.js";
import { text } from "./strings.js";

const NONE = { id: "", subject: "", by: "", events: [], since: "", until: "" };

function dayText(milliseconds) {
    const date = new Date(milliseconds);
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(part => String(part).padStart(2, "0")).join("-");
}

/** A text filter with its label above it and its fault below it. */
function textFilter(key, label, hint, changed) {
    const fault = h("p", { class: "field-error", hidden: true, role: "alert" });
    const input = h("input", { type: "text", class: "input", id: `audit-${key}`, "data-field": key, placeholder: hint, autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 256,
        "aria-describedby": `audit-${key}-fault`, onchange: changed });
    fault.id = `audit-${key}-fault`;
    return { input, fault, node: h("div", { class: `audit-filter audit-filter-${key}` }, h("label", { class: "audit-label", for: input.id }, label), input, fault) };
}

/** A button that opens a list of events, each with a box. */
function eventMenu(changed) {
    const words = text.audit;
    const boxes = new Map(EVENTS.map(event => [event, h("input", { type: "checkbox", "data-event-box": event, onchange: changed })]));
    const chosen = h("span", { class: "audit-chosen" });
    const none = h("button", { type: "button", class: "button button-small button-quiet", "data-action": "all-events", onclick: () => { boxes.forEach(box => { box.checked = false; }); changed(); } }, words.allEvents);
    const summary = h("summary", { class: "select audit-summary", "data-field": "event", "aria-label": words.events }, chosen, icon("down"));
    const menu = h("details", { class: "audit-menu" }, summary,
        h("div", { class: "audit-menu-list card", role: "group", "aria-label": words.events }, EVENTS.map(event => h("label", { class: "audit-menu-item" }, boxes.get(event), eventBadge(event))), none));
    const outside = event => menu.contains(event.target) || (menu.open = false);

    menu.addEventListener("toggle", () => (menu.open ? document.addEventListener("click", outside) : document.removeEventListener("click", outside)));
    menu.addEventListener("keydown", event => {
        if (event.key === "Escape" && menu.open) {
            menu.open = false;
            summary.focus();
        }
    });
    menu.addEventListener("focusout", event => event.relatedTarget && !menu.contains(event.relatedTarget) && (menu.open = false));
    return {
        node: h("div", { class: "audit-filter" }, h("span", { class: "audit-label", "aria-hidden": "true" }, words.events), menu),
        get value() { return EVENTS.filter(event => boxes.get(event).checked); },
        set value(events) {
            boxes.forEach((box, event) => { box.checked = events.includes(event); });
            const names = events.map(event => text.events[event]);
            chosen.textContent = names.length === 0 ? words.anyEvent : names.length <= 2 ? names.join(", ") : words.eventCount(names.length);
            summary.setAttribute("aria-label", `${words.events}: ${names.join(", ") || words.anyEvent}`);
        },
    };
}

/** The presets, and two days. */
function timeFilter(changed) {
    const words = text.audit;
    const bar = segmented({ name: "audit-time", value: "all", options: [...PRESETS, "range"].map(value => ({ value, label: words.period[value] })), onchange: () => chosen() });
    const day = (key, label) => h("input", { type: "date", class: "input", "data-field": key, "aria-label": label, onchange: changed });
    const since = day("since", words.since), until = day("until", words.until);
    const range = h("span", { class: "audit-range", hidden: true }, since, h("span", { "aria-hidden": "true" }, "\u2013"), until);

    function chosen() {
        range.hidden = bar.value !== "range";
        if (bar.value === "range") {
            since.value = dayText(Date.now() - 7 * 86400000);
            until.value = dayText(Date.now());
        }
        changed();
    }
    return {
        node: h("div", { class: "audit-filter audit-filter-time", role: "group", "aria-label": words.time }, h("span", { class: "audit-label", "aria-hidden": "true" }, words.time), h("div", { class: "audit-time" }, bar.node, range)),
        get value() { return bar.value === "range" ? { since: since.value, until: until.value } : { since: bar.value === "all" ? "" : bar.value, until: "" }; },
        set value(query) {
            bar.value = presetOf(query);
            range.hidden = bar.value !== "range";
            since.value = /^\d{4}-/.test(query.since) ? query.since : "";
            until.value = query.until;
        },
    };
}

/** → { node, show(query, faults), setFaults(faults) }; onChange(query) when a person has changed it. */
export function auditFilters({ onChange }) {
    const words = text.audit;
    const changed = () => {
        const events = menu.value;
        const next = { ...Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, field.input.value.trim()])), events, ...time.value };
        next.id = next.id.toLowerCase();
        menu.value = events;
        clear.hidden = false;
        onChange(next);
    };
    const fields = {
        by: textFilter("by", words.by, words.byHint, changed),
        subject: textFilter("subject", text.claims.subject, words.subjectHint, changed),
        id: textFilter("id", words.identifier, words.identifierHint, changed),
    };
    const menu = eventMenu(changed), time = timeFilter(changed);
    const clear = h("button", { type: "button", class: "button button-quiet", "data-action": "clear-filters", hidden: true, onclick: () => { show(NONE, {}); onChange(NONE); fields.by.input.focus(); } }, text.tokens.clearFilters);

    function setFaults(faults) {
        for (const [key, field] of Object.entries(fields)) {
            const fault = faults[key];
            field.fault.hidden = !fault;
            field.node.classList.toggle("field-invalid", Boolean(fault));
            fault ? field.input.setAttribute("aria-invalid", "true") : field.input.removeAttribute("aria-invalid");
            replace(field.fault, fault && words.faults[fault], fault === "value" && [" ", h("a", { href: "#/whose" }, text.shell.whose)]);
        }
    }

    function show(query, faults) {
        for (const [key, field] of Object.entries(fields))
            field.input.value = query[key];
        menu.value = query.events;
        time.value = query;
        clear.hidden = Object.values(query).every(value => value.length === 0);
        setFaults(faults);
    }
    return { node: h("div", { class: "audit-filters", role: "search", "aria-label": words.filters }, time.node, menu.node, fields.by.node, fields.subject.node, fields.id.node, clear), show, setFaults };
}
