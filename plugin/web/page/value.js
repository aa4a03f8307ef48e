// SPDX-License-Identifier: Apache-2.0
/*
 * A new token's value, shown this once. It stands in one text node, and nowhere else: forget() takes it
 * from there. Whoever leaves without having copied it is asked first.
 */

import { copyFrom, select } from "./clipboard.js";
import { identifier } from "./copy.js";
import { clean, cleanText, h, replace } from "./dom.js";
import { outcomeText } from "./fleet.js";
import { icon } from "./icons.js";
import { text } from "./strings.js";
import { clock, onTick, parseTime, span, timeNode } from "./time.js";

/** "Requests are answered 401 until 14:05 (4 min 12 s)", counted down from what the daemon answered. */
function countdown(fields) {
    const end = performance.now() + parseTime(fields.activates) - parseTime(fields.created);
    const left = h("span", { class: "nowrap", "data-name": "countdown" });
    const line = h("span", null, text.value.pendingUntil(clock(parseTime(fields.activates))), " (", left, ")");
    const node = h("p", { class: "activation", "data-state": "pending" }, icon("clock"), line);
    const announced = h("span", { class: "visually-hidden", role: "status" });
    let stop = () => {};

    function show() {
        const seconds = (end - performance.now()) / 1000;
        left.textContent = span(seconds);
        if (seconds > 0)
            return;
        stop();
        replace(node, icon("check"), h("span", null, text.value.activeNow));
        node.dataset.state = "active";
        announced.textContent = text.value.activeNow;
    }
    stop = onTick(show);
    show();
    return { node: h("div", null, node, announced), stop: () => stop() };
}

function facts(app, fields) {
    const words = text.value;
    return h("dl", { class: "claims value-facts" },
        h("dt", null, words.identifier), h("dd", null, identifier(app, fields.id), h("p", { class: "field-hint" }, words.identifierHint)),
        fields.group && [h("dt", null, words.group), h("dd", { "data-name": "group" }, clean(fields.group), h("p", { class: "field-hint" }, words.groupHint(cleanText(fields.group)), " ", outcomeText(fields)))],
        h("dt", null, words.expires), h("dd", null, fields.expires ? timeNode(fields.expires, { style: "exact" }) : text.time.never));
}

class ValuePane {
    #copied = false;
    #pending;

    constructor(app, fields, onOk) {
        const words = text.value;
        this.app = app;
        this.code = h("code", { class: "value", "data-name": "value", tabindex: "0", role: "textbox", "aria-readonly": "true", "aria-label": words.label, translate: "no",
            oncopy: () => this.#noteCopied(), onclick: () => select(this.code) }, fields.token);
        delete fields.token;
        this.copyLabel = h("span", null, text.shell.copy);
        this.copy = h("button", { type: "button", class: "button button-primary", "data-action": "copy-value", onclick: () => this.#copy() }, icon("copy"), this.copyLabel);
        this.status = h("p", { class: "copy-status", role: "status" });
        this.ok = h("button", { type: "button", class: "button", "data-action": "ok", onclick: onOk }, text.shell.ok);
        this.#pending = fields.state === "pending" && fields.activates ? countdown(fields) : null;
        this.node = h("div", { class: "dialog-body", "data-pane": "value" },
            h("p", { class: "banner banner-warn" }, h("strong", null, words.once), " ", words.onceHint),
            fields.pending && h("p", { class: "banner banner-warn", "data-name": "old-pending" }, words.oldPending),
            h("div", null, h("div", { class: "value-box" }, this.code, this.copy), this.status), this.#pending?.node, facts(app, fields),
            h("div", { class: "dialog-actions" }, this.ok));
        addEventListener("beforeunload", this.#warnLeaving);
        addEventListener("pagehide", this.#left);
    }

    focus() { this.copy.focus(); }

    /** Ask whoever leaves without the value. */
    async mayClose() {
        const words = text.value;
        return this.#copied || this.app.confirm({ name: "not-copied", title: words.notCopied, body: h("p", null, words.notCopiedHint), action: words.closeAnyway, cancel: words.goBack, danger: true });
    }

    /** Take the value out of the page. */
    forget() {
        this.code.textContent = "";
        getSelection().removeAllRanges();
        this.#pending?.stop();
        removeEventListener("beforeunload", this.#warnLeaving);
        removeEventListener("pagehide", this.#left);
    }

    #left = () => this.forget(); // a browser may keep the page, to come back to

    #warnLeaving = event => this.#copied || event.preventDefault();

    #noteCopied() {
        this.#copied = true;
        this.copyLabel.textContent = text.shell.copied;
        this.status.textContent = text.value.copied;
        this.ok.classList.add("button-primary");
        this.copy.classList.remove("button-primary");
    }

    async #copy() {
        if (await copyFrom(this.code))
            return this.#noteCopied();
        select(this.code);
        this.status.textContent = text.shell.copyFailed;
    }
}

/**
 * The part of a dialog that shows the value: { node, mayClose(), forget(), focus() }.
 * fields: the reply of create or rotate, from which the value is taken out.
 */
export function valuePane(app, fields, onOk) {
    return new ValuePane(app, fields, onOk);
}
