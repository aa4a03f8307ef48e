// SPDX-License-Identifier: Apache-2.0
/*
 * Modal dialogs: the browser's own <dialog>, which keeps the focus inside, makes the page behind it
 * inert and gives the focus back. A dialog may ask before it is closed; Escape asks likewise.
 */

import { h, newId } from "./dom.js";
import { text } from "./strings.js";

const DOUBLE_CLICK_MS = 1000;

function guardEscape(node, leave) {
    node.addEventListener("keydown", event => {
        if (event.key === "Escape" && !event.defaultPrevented) {
            event.preventDefault();
            event.stopPropagation();
            leave();
        }
    });
    node.addEventListener("cancel", event => {
        event.preventDefault();
        leave();
    });
}

/** Enter that is still held down, and the second half of a double click, were meant for what opened the dialog. */
function guardOpening(node) {
    const opened = performance.now();
    node.addEventListener("keydown", event => event.key === "Enter" && event.repeat && event.preventDefault());
    node.addEventListener("click", event => {
        if (event.detail > 1 && performance.now() - opened < DOUBLE_CLICK_MS) {
            event.preventDefault();
            event.stopPropagation();
        }
    }, { capture: true });
}

/** Give the focus back to what had it; if that is gone, to what has come in its place, or to the view's heading. */
function restoreFocus(before) {
    const action = before?.dataset?.action;
    const again = action && !before.closest("tr") ? document.querySelector(`main [data-action="${action}"]`) : null;
    const target = before?.isConnected ? before : again ?? document.querySelector("main [data-focus]") ?? document.querySelector("main");
    target?.focus();
}

/**
 * Open a dialog. mayClose() is asked, and awaited, before Escape, Cancel or the cross close it.
 * → { node, close(result), leave(), closed }: close() closes without asking, closed resolves to the
 * result, or to undefined if the person left.
 */
export function openDialog({ name, title, body, className = "", role, mayClose = () => true, closeButton = true }) {
    const before = document.activeElement;
    const heading = newId("dialog-title");
    let finish;
    const closed = new Promise(resolve => { finish = resolve; });
    const cross = closeButton && h("button", { type: "button", class: "icon-button dialog-cross", "aria-label": text.shell.close, "data-action": "close", onclick: () => leave() }, "\u00d7");
    const node = h("dialog", { class: `dialog ${className}`, "aria-labelledby": heading, "data-dialog": name, role },
        h("div", { class: "dialog-header" }, h("h2", { id: heading }, title), cross), body);
    let ended = false, asking = false;

    function close(result) {
        if (ended)
            return;
        ended = true;
        node.close();
        node.remove();
        restoreFocus(before);
        finish(result);
    }

    async function leave() {
        if (ended || asking)
            return;
        asking = true;
        const agreed = await mayClose();
        asking = false;
        if (agreed)
            close();
    }
    guardEscape(node, leave);
    guardOpening(node);
    node.addEventListener("close", () => ended || node.showModal()); // the browser closed it: only close() may
    document.body.append(node);
    node.showModal();
    return { node, close, leave, closed };
}

/** A row of buttons at a dialog's end. */
export function dialogActions(...buttons) {
    return h("div", { class: "dialog-actions" }, buttons);
}

/** Whether what was entered may be thrown away: asks. */
export function confirmDiscard() {
    const words = text.shell;
    return confirm({ name: "discard", title: words.discardTitle, body: h("p", null, words.discardHint), action: words.discard, cancel: words.keepEditing, danger: true });
}

/** Ask a question. body: nodes or text. Resolves to true if the person presses the action's button. */
export async function confirm({ name = "confirm", title, body, action, cancel = text.shell.cancel, danger = false, run }) {
    const error = h("p", { class: "form-error", role: "alert", hidden: true });
    const no = h("button", { type: "button", class: "button", "data-action": "cancel", autofocus: danger }, cancel);
    const yes = h("button", { type: "button", class: danger ? "button button-danger" : "button button-primary", "data-action": "confirm", autofocus: !danger }, action);
    let running = false; // what was sent cannot be called back: the answer is waited for
    const dialog = openDialog({ name, title, role: "alertdialog", closeButton: false, className: "dialog-small", mayClose: () => !running,
        body: h("div", { class: "dialog-body" }, body, error, dialogActions(no, yes)) });

    no.addEventListener("click", () => dialog.leave());
    yes.addEventListener("click", async () => {
        if (!run)
            return dialog.close(true);
        running = yes.disabled = no.disabled = true;
        error.hidden = true;
        try {
            dialog.close(await run() ?? true);
        } catch (failure) {
            error.textContent = failure.message;
            error.hidden = false;
            running = yes.disabled = no.disabled = false;
            yes.focus();
        }
    });
    return await dialog.closed ?? false;
}
