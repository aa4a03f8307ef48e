// SPDX-License-Identifier: Apache-2.0
/* A line above a list, or in place of something: what is going on, or what went wrong, with a button to try again. */

import { h, replace } from "./dom.js";
import { text } from "./strings.js";

function retryButton(again) {
    return h("button", { type: "button", class: "button button-small", "data-action": "retry", onclick: again }, text.shell.again);
}

/** Show a message, none if it is empty. again(): it is a failure, and this tries again. */
export function showNote(note, message, again) {
    note.hidden = message === "";
    note.className = again ? "list-note form-error" : "list-note muted";
    replace(note, message, again && retryButton(again));
}

/** What stands in place of what could not be loaded. */
export function failureNode(message, again) {
    return h("div", { class: "form-error", role: "alert" }, message, " ", retryButton(again));
}
