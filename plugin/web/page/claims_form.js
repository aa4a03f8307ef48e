// SPDX-License-Identifier: Apache-2.0
/*
 * The fields of a token's claims, for Create and Edit: description, subject, scopes. What the rules
 * demand for the subject is marked while one types; what the daemon refuses is shown beside its cause.
 */

import { chips } from "./chips.js";
import { cleanText, h, newId, replace } from "./dom.js";
import { DaemonError } from "./errors.js";
import { failureText } from "./failure.js";
import { perhapsThere } from "./fleet.js";
import { field } from "./form.js";
import { looksLikeValue, rulesFor, scopeAllowed } from "./policy.js";
import { text } from "./strings.js";

const SAMPLE = 1000; // tokens whose scopes and subjects are suggested
const SUGGESTED = 200;

/** Scopes and subjects of the newest tokens, those in most of them first: { scopes, subjects }. */
async function inUse(app) {
    const scopes = new Map(), subjects = new Map();
    const note = (counts, word) => (counts.has(word) || counts.size < SUGGESTED) && counts.set(word, (counts.get(word) ?? 0) + 1);
    const sorted = counts => [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([word]) => word);
    await app.client.request("list", { sort: "created", order: "desc", limit: SAMPLE, fields: "scopes,subject" }, {
        onRow: row => {
            (row.scopes ?? "").split(",").filter(Boolean).forEach(scope => note(scopes, scope));
            if (row.subject)
                note(subjects, row.subject);
        },
    });
    return { scopes: sorted(scopes), subjects: sorted(subjects) };
}

export class ClaimsForm {
    rules = rulesFor([], "");
    #policies = [];
    #used = [];

    constructor(app, { row = {}, onRules = () => {} } = {}) {
        const words = text.create;
        const list = newId("subjects");
        Object.assign(this, { app, onRules });
        this.subjects = h("datalist", { id: list });
        this.description = field({ name: "description", label: words.description, hint: words.descriptionHint,
            control: h("input", { type: "text", class: "input", maxlength: app.hello.description_max ?? 1024, autocomplete: "off", value: row.description ?? "" }) });
        this.subject = field({ name: "subject", label: words.subject, hint: words.subjectHint,
            control: h("input", { type: "text", class: "input", maxlength: app.hello.subject_max ?? 256, autocomplete: "off", spellcheck: "false", autocapitalize: "off", list, value: row.subject ?? "", oninput: () => this.#showRules() }) });
        this.chips = chips({ scopes: (row.scopes ?? "").split(",").filter(Boolean), onchange: () => this.#checkScopes(), announce: message => this.announce(message) });
        this.scopes = field({ name: "scopes", label: words.scopes, hint: words.scopesHint, control: this.chips.node });
        this.live = h("p", { class: "visually-hidden", role: "status" });
        this.error = h("p", { class: "form-error", role: "alert", hidden: true, "data-name": "form-error" });
        this.subject.node.hidden = app.role === "self";
        this.own = h("p", { class: "muted", "data-name": "own-subject", hidden: true });
        this.nodes = [this.own, this.description.node, this.subject.node, this.scopes.node, this.subjects, this.live];
        this.initial = this.#filledIn();
        this.#load();
    }

    announce(message) { this.live.textContent = message; }

    async #load() {
        this.#policies = await this.app.policies().catch(() => []);
        this.#showRules();
        const { scopes, subjects } = await inUse(this.app).catch(() => ({ scopes: [], subjects: [] }));
        this.#used = scopes;
        replace(this.subjects, subjects.filter(subject => cleanText(subject) === subject).map(subject => h("option", { value: subject })));
        this.#showRules();
    }

    #showRules() {
        const rules = this.rules = rulesFor(this.#policies, this.subject.control.value.trim());
        this.own.hidden = this.app.role !== "self" || rules.subject === "";
        this.own.textContent = text.create.subjectOwn(cleanText(rules.subject));
        this.description.setRequired(rules.require.has("description"));
        this.subject.setRequired(rules.require.has("subject"));
        this.scopes.setRequired(rules.require.has("scopes"));
        this.scopes.setHint(rules.scopes ? text.create.scopesGranted(rules.scopes.join(", "), rules.name) : text.create.scopesHint);
        this.chips.setSuggestions([...this.#used, ...(rules.scopes ?? []).filter(pattern => !pattern.includes("*"))]);
        this.chips.mark(scope => scopeAllowed(rules, scope));
        this.#checkScopes();
        this.onRules(rules);
    }

    #checkScopes() {
        const refused = this.chips.scopes.filter(scope => !scopeAllowed(this.rules, scope));
        this.scopes.setError(refused.length > 0 ? text.create.scopeRefused(refused.join(", ")) : null);
    }

    /** What is filled in, { description, subject, scopes }; null if something is wrong with it, which is then shown. */
    read() {
        this.clearErrors();
        const typed = this.chips.commit();
        const claims = this.#filledIn();
        if (!typed)
            this.#fail(this.scopes, text.create.scopeForm);
        else if (looksLikeValue(claims.description, this.app.hello.prefix))
            this.#fail(this.description, text.create.valueInText);
        else if (looksLikeValue(claims.subject, this.app.hello.prefix))
            this.#fail(this.subject, text.create.valueInText);
        else if (this.rules.require.has("description") && claims.description === "")
            this.#fail(this.description, text.create.missing);
        else if (this.rules.require.has("subject") && claims.subject === "")
            this.#fail(this.subject, text.create.missing);
        else if (this.rules.require.has("scopes") && claims.scopes === "")
            this.#fail(this.scopes, text.create.missing);
        else
            return claims;
        return null;
    }

    /** What of these differs from what the form was opened with: a field that cannot show all of its text changes nothing. */
    changed(claims) {
        return Object.fromEntries(Object.entries(claims).filter(([key, value]) => value !== this.initial[key]));
    }

    /** Whether something differs from what the form was opened with. */
    get isTouched() {
        return Object.keys(this.changed(this.#filledIn())).length > 0 || this.chips.input.value.trim() !== "";
    }

    #filledIn() {
        return { description: this.description.control.value.trim(), subject: this.subject.control.value.trim(), scopes: this.chips.scopes.join(",") };
    }

    clearErrors() {
        for (const part of [this.description, this.subject, this.scopes])
            part.setError(null);
        this.error.hidden = true;
    }

    #showError(error) {
        replace(this.error, failureText(error), perhapsThere(this.app, error));
        this.error.hidden = false;
        this.error.scrollIntoView({ block: "nearest" });
    }

    /** Show a failure beside what caused it; others: fields of the dialog's own by the name of the request's key. */
    showFailure(error, others = {}) {
        const fields = { description: this.description, subject: this.subject, scopes: this.scopes, ...others };
        const part = error instanceof DaemonError ? fields[this.#causeOf(error, others)] : undefined;
        if (part && !part.node.hidden)
            return this.#fail(part, failureText(error));
        this.#showError(error);
    }

    /** The key of the field that an error is about. */
    #causeOf(error, others) {
        const rule = error.code === "policy" ? error.fields.rule : undefined;
        if (rule === "require")
            return (error.fields.missing ?? "").split(",")[0].replace("expiry", "expires");
        const byRule = { max_ttl: "expires", scopes: "scopes", max_tokens_per_subject: "subject" };
        const key = byRule[rule] ?? /^([a-z_]+)=/.exec(error.message)?.[1];
        return key === "ttl" && !others.ttl ? "expires" : key;
    }

    #fail(part, message) {
        const folded = part.node.closest("details");
        if (folded)
            folded.open = true;
        part.setError(message);
        part.target.matches("fieldset") ? part.node.querySelector("input:checked, input")?.focus() : part.target.focus();
    }
}
