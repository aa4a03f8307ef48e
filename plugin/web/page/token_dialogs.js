// SPDX-License-Identifier: Apache-2.0
/* Edit and Rotate of one token. */

import { ClaimsForm } from "./claims_form.js";
import { confirmDiscard, dialogActions, openDialog } from "./dialog.js";
import { h, replace } from "./dom.js";
import { failureText } from "./failure.js";
import { perhapsThere } from "./fleet.js";
import { field, segmented } from "./form.js";
import { lifetime } from "./lifetime.js";
import { rulesFor } from "./policy.js";
import { text } from "./strings.js";
import { expectOk } from "./token_actions.js";
import { tokenSummary } from "./token_columns.js";
import { showValue } from "./view_create.js";

const GRACES = ["", "1h", "1d", "7d"];

function buttons(label, leave) {
    const submit = h("button", { type: "submit", class: "button button-primary", "data-action": "submit" }, label);
    return { submit, node: dialogActions(h("button", { type: "button", class: "button", "data-action": "cancel", onclick: leave }, text.shell.cancel), submit) };
}

/** Edit description, subject, scopes and the end. Resolves to whether something was changed. */
export async function openEdit(app, row) {
    const words = text.edit;
    const ends = row.state === "expired" ? null : lifetime({ label: words.lifetime, keep: words.keep });
    const form = new ClaimsForm(app, { row, onRules: rules => ends?.setRules(rules) });
    const actions = buttons(words.submit, () => busy || dialog.close(false));
    const body = h("form", { class: "dialog-body form", novalidate: true, "data-form": "edit", onsubmit: event => { event.preventDefault(); submit(); } },
        h("p", { class: "muted" }, h("code", null, row.id)), form.nodes, ends?.node, form.error, actions.node);
    const mayClose = () => !busy && (!(form.isTouched || ends?.isTouched) || confirmDiscard());
    let busy = false;
    const dialog = openDialog({ name: "edit", title: words.title, body, className: "dialog-create", mayClose });

    async function submit() {
        const claims = form.read();
        const life = claims && (ends?.read() ?? (ends ? null : {}));
        if (!life || busy)
            return;
        const change = { ...form.changed(claims), ...life };
        if (Object.keys(change).length === 0)
            return dialog.close(false);
        busy = actions.submit.disabled = true;
        try {
            expectOk(await app.client.request("update", { id: row.id, ...change }));
            app.toast(words.done);
            app.announce(words.done);
            dialog.close(true);
        } catch (error) {
            form.showFailure(error, ends ? { expires: ends.field, ttl: ends.field } : {});
            busy = actions.submit.disabled = false;
        }
    }
    form.description.control.focus();
    return await dialog.closed ?? false;
}

/** The old token's grace: how long its value goes on to work. */
function graceField() {
    const words = text.rotate;
    const result = h("p", { class: "field-result", role: "status" });
    const choice = segmented({ name: "grace", value: "", options: GRACES.map(value => ({ value, label: words.grace(value) })), onchange: () => explain() });

    function explain() {
        result.textContent = words.consequence(choice.value);
        result.classList.toggle("warn-text", choice.value === "");
    }
    explain();
    return { ...field({ name: "grace", label: words.graceLabel, group: true, control: h("div", null, choice.node, result) }), read: () => (choice.value ? { grace: choice.value } : {}), focus: choice.focus };
}

/** Rotate: a new value for the same claims. Resolves to the new token's id, or to undefined. */
export async function openRotate(app, row) {
    const words = text.rotate;
    const grace = graceField();
    const ends = lifetime({ label: words.lifetime, keep: words.keep });
    const error = h("p", { class: "form-error", role: "alert", hidden: true });
    const actions = buttons(words.submit, () => dialog.leave());
    const body = h("form", { class: "dialog-body form", novalidate: true, "data-form": "rotate", onsubmit: event => { event.preventDefault(); submit(); } },
        tokenSummary(row), h("p", null, words.intro), grace.node, ends.node, error, actions.node);
    let pane = null, created, busy = false;
    const dialog = openDialog({ name: "rotate", title: words.title, body, className: "dialog-create", mayClose: () => (pane ? pane.mayClose() : !busy) });

    function showFailure(failure) {
        const byLength = failure.fields?.rule === "max_ttl";
        ends.field.setError(byLength ? failureText(failure) : null);
        replace(error, byLength ? "" : [failureText(failure), perhapsThere(app, failure)]);
        error.hidden = byLength;
    }

    async function submit() {
        const life = ends.read();
        if (!life || busy)
            return;
        busy = actions.submit.disabled = true;
        error.hidden = true;
        try {
            const { fields } = expectOk(await app.client.request("rotate", { id: row.id, ...grace.read(), ...life }));
            created = fields.id;
            pane = showValue(app, dialog, words.created, fields);
        } catch (failure) {
            showFailure(failure);
        } finally {
            busy = actions.submit.disabled = false;
        }
    }
    app.policies().then(rows => ends.setRules(rulesFor(rows, row.subject ?? "")), () => {});
    grace.focus();
    await dialog.closed;
    replace(body);
    return created;
}
