// SPDX-License-Identifier: Apache-2.0
/* Create Token: a dialog that asks, and then shows the value, once. */

import { ClaimsForm } from "./claims_form.js";
import { confirmDiscard, dialogActions, openDialog } from "./dialog.js";
import { h, newId, replace } from "./dom.js";
import { asksGroups, NAME, namesInUse } from "./fleet.js";
import { field } from "./form.js";
import { lifetime } from "./lifetime.js";
import { text } from "./strings.js";
import { expectOk } from "./token_actions.js";
import { formatTime } from "./time.js";
import { valuePane } from "./value.js";

const DELAYS = ["", "0s", "5m", "1h", "1d"];

/** When the token becomes active: the daemon's own delay, another one, or a time. */
function activation() {
    const words = text.create;
    const time = h("input", { type: "datetime-local", class: "input", "aria-label": words.activationTime, "data-field": "activates", hidden: true });
    const select = h("select", { class: "select", onchange: () => { time.hidden = select.value !== "time"; } },
        DELAYS.map(delay => h("option", { value: delay }, words.delay(delay))), h("option", { value: "time" }, words.delayTime));
    const part = field({ name: "activation", label: words.activation, hint: words.activationHint, control: select });
    part.node.append(time);
    return {
        ...part,
        read() {
            part.setError(null);
            if (select.value !== "time")
                return select.value === "" ? {} : { delay: select.value };
            const at = time.value ? new Date(time.value).getTime() : NaN;
            if (at > Date.now())
                return { activates: formatTime(at) };
            part.setError(words.activationPast);
            time.focus();
            return null;
        },
    };
}

/** The group of the fleet that the token is for, where the host is in one. */
function groupField(client) {
    const words = text.create;
    const known = h("datalist", { id: newId("groups") });
    const part = field({ name: "group", label: words.group, hint: words.groupHint,
        control: h("input", { type: "text", class: "input", maxlength: 64, autocomplete: "off", spellcheck: "false", autocapitalize: "off", list: known.id }) });
    part.node.append(known);
    part.node.hidden = !asksGroups(client);
    if (asksGroups(client))
        namesInUse(client, "group").then(groups => replace(known, groups.map(value => h("option", { value }))), () => {});
    return {
        ...part,
        get isTouched() { return part.control.value.trim() !== ""; },
        /** What goes into the request; null if it is no name, which is then shown. */
        read() {
            const name = part.control.value.trim();
            part.setError(name === "" || NAME.test(name) ? null : words.groupForm);
            if (name === "" || NAME.test(name))
                return name === "" ? {} : { group: name };
            part.control.focus();
            return null;
        },
    };
}

/** Put a value's pane into a dialog's place. Used by Rotate as well. */
export function showValue(app, dialog, heading, fields) {
    const pane = valuePane(app, fields, () => dialog.leave());
    dialog.node.querySelector(".dialog-header h2").textContent = heading;
    dialog.node.querySelector(".dialog-body, form").replaceWith(pane.node);
    dialog.closed.then(() => pane.forget());
    pane.focus();
    return pane;
}

function requestOf(claims, life, active) {
    const request = { ...claims, ...life, ...active };
    return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== ""));
}

/** Open the dialog. Resolves to the new token's id, or to undefined. */
export async function openCreate(app) {
    const words = text.create;
    const ends = lifetime({ label: words.lifetime, byRules: !app.client.may("policy") });
    const form = new ClaimsForm(app, { onRules: rules => ends?.setRules(rules) });
    const active = activation();
    const group = groupField(app.client);
    const create = h("button", { type: "submit", class: "button button-primary", "data-action": "submit" }, words.submit);
    const cancel = h("button", { type: "button", class: "button", "data-action": "cancel", onclick: () => busy || dialog.close() }, text.shell.cancel);
    const body = h("form", { class: "dialog-body form", novalidate: true, "data-form": "create", onsubmit: event => { event.preventDefault(); submit(); } },
        form.nodes, group.node, ends.node, h("details", { class: "more" }, h("summary", null, words.more), active.node), form.error, dialogActions(cancel, create));
    let pane = null, created, busy = false;
    const mayClose = () => (pane ? pane.mayClose() : !busy && (!(form.isTouched || ends.isTouched || group.isTouched) || confirmDiscard()));
    const dialog = openDialog({ name: "create", title: words.title, body, className: "dialog-create", mayClose });

    async function submit() {
        const claims = form.read();
        const fleet = claims && group.read();
        const life = fleet && ends.read();
        const activates = life && active.read();
        if (!activates || busy)
            return;
        busy = create.disabled = true;
        try {
            const { fields } = expectOk(await app.client.request("create", requestOf({ ...claims, ...fleet }, life, activates)));
            created = fields.id;
            pane = showValue(app, dialog, words.created, fields);
        } catch (error) {
            form.showFailure(error, { expires: ends.field, ttl: ends.field, delay: active, activates: active, group });
        } finally {
            busy = create.disabled = false;
        }
    }
    form.description.control.focus();
    await dialog.closed;
    replace(body);
    return created;
}
