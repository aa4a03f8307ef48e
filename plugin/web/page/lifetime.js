// SPDX-License-Identifier: Apache-2.0
/*
 * How long a token lasts, as far as the rules let it: 7, 30 or 90 days, a year, until a date, for ever.
 * Where the page cannot read the rules, the daemon's default is offered first.
 */

import { h } from "./dom.js";
import { field, segmented } from "./form.js";
import { text } from "./strings.js";
import { day, durationText, formatTime, parseDuration } from "./time.js";

const LENGTHS = ["7d", "30d", "90d", "1y"];
const DAY_MS = 86400000;
const USUAL = "30d";

/** The last second of a day as this person's calendar has it, "2027-01-31". */
function endOfDay(date) {
    const [year, month, dayOfMonth] = date.split("-").map(Number);
    return new Date(year, month - 1, dayOfMonth, 23, 59, 59).getTime();
}

function isoDay(milliseconds) {
    const date = new Date(milliseconds);
    return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

class Lifetime {
    #touched = false;
    #rules = null;

    /** keep: the word for "leave it as it is", where there is something to leave; byRules: offer the daemon's default. */
    constructor({ label, keep = null, byRules = false, onchange = () => {} }) {
        const words = text.lifetime;
        const first = keep ? [{ value: "keep", label: keep }] : byRules ? [{ value: "default", label: words.byRules }] : [];
        const options = [...first, ...LENGTHS.map(value => ({ value, label: durationText(value) })), { value: "rule", label: "" }, { value: "date", label: words.date }, { value: "never", label: words.never }];
        this.initial = first[0]?.value ?? USUAL;
        this.date = h("input", { type: "date", class: "input", "aria-label": words.dateLabel, "data-field": "expires-date", min: isoDay(Date.now() + DAY_MS), oninput: () => this.#show() });
        this.dateHolder = h("div", { class: "segment-extra", hidden: true }, this.date);
        this.choice = segmented({ name: "lifetime", options, value: this.initial, onchange: () => { this.#touched = true; this.#show(); onchange(); } });
        this.choice.setHidden("rule", true);
        this.result = h("p", { class: "field-result muted", role: "status" });
        this.field = field({ name: "lifetime", label, group: true, control: h("div", null, this.choice.node, this.dateHolder, this.result) });
        this.node = this.field.node;
        this.#show();
    }

    /** Whether the person has chosen. */
    get isTouched() { return this.#touched; }

    /** Offer what these rules allow (policy.js), and choose their default unless the person has chosen. */
    setRules(rules) {
        this.#rules = rules;
        const why = text.lifetime.limited(durationText(rules.maxTtlText), rules.name);
        for (const length of LENGTHS)
            this.choice.setDisabled(length, parseDuration(length) > rules.maxTtl, why);
        this.choice.setDisabled("never", rules.maxTtl !== Infinity || rules.require.has("expiry"), rules.maxTtl !== Infinity ? why : text.lifetime.mustExpire);
        this.date.max = rules.maxTtl === Infinity ? "" : isoDay(Date.now() + rules.maxTtl * 1000);
        this.#offerRule(rules);
        this.field.setRequired(this.initial !== "keep" && rules.require.has("expiry"));
        this.field.setHint(rules.maxTtl === Infinity ? "" : why);
        if (this.initial === USUAL && (!this.#touched || this.choice.isDisabled(this.choice.value)))
            this.choice.value = this.#preferred(rules);
        this.#show();
    }

    /** The rules' own length, where it is none of the usual ones. */
    #offerRule(rules) {
        const own = [rules.defaultTtlText, rules.maxTtlText].find(length => length && !LENGTHS.includes(length) && parseDuration(length) <= rules.maxTtl);
        this.rule = own;
        this.choice.setHidden("rule", !own);
        if (!own)
            return;
        this.choice.setLabel("rule", durationText(own));
        this.choice.moveBefore("rule", LENGTHS.find(length => parseDuration(length) > parseDuration(own)) ?? "date");
    }

    #preferred(rules) {
        const wanted = rules.defaultTtl !== Infinity ? rules.defaultTtlText : USUAL;
        if (LENGTHS.includes(wanted) && !this.choice.isDisabled(wanted))
            return wanted;
        if (this.rule)
            return "rule";
        return LENGTHS.findLast(length => !this.choice.isDisabled(length)) ?? "date";
    }

    #show() {
        const chosen = this.choice.value;
        this.dateHolder.hidden = chosen !== "date";
        const length = chosen === "rule" ? this.rule : chosen;
        const seconds = parseDuration(length);
        const words = text.lifetime;
        this.result.textContent = chosen === "never" ? words.neverHint : chosen === "default" ? words.byRulesHint : Number.isNaN(seconds) ? "" : words.endsOn(day(Date.now() + seconds * 1000));
        this.result.classList.toggle("warn-text", chosen === "never");
        this.field.setError(null);
    }

    /** What goes into the request; null if what was chosen is not complete, which is then shown. */
    read() {
        const chosen = this.choice.value;
        if (chosen === "keep" || chosen === "default")
            return {};
        if (chosen === "never")
            return { expires: "never" };
        if (chosen !== "date")
            return { ttl: chosen === "rule" ? this.rule : chosen };
        const end = this.date.value ? endOfDay(this.date.value) : NaN;
        if (!(end > Date.now())) {
            this.field.setError(text.lifetime.dateMissing);
            this.date.focus();
            return null;
        }
        const most = (this.#rules?.maxTtl ?? Infinity) * 1000 + Date.now() - 60000;
        return { expires: formatTime(Math.min(end, Number.isFinite(most) && end - most < DAY_MS ? most : end)) };
    }
}

export function lifetime(options) {
    return new Lifetime(options);
}
