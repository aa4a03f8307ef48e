// SPDX-License-Identifier: Apache-2.0
/* Short notes in a corner that go away by themselves; those about a failure stay until they are closed. */

import { h } from "./dom.js";
import { text } from "./strings.js";

const SHOWN_MS = 6000;
const MOST = 4;

/** The region for notes; put it into the page once. show(message, {kind}) adds one: "info" or "error". */
export function toasts() {
    const region = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

    function show(message, { kind = "info" } = {}) {
        const note = h("div", { class: `toast toast-${kind}`, "data-toast": kind }, h("span", null, message),
            h("button", { type: "button", class: "icon-button", "aria-label": text.shell.close, onclick: () => note.remove() }, "\u00d7"));
        region.append(note);
        while (region.children.length > MOST)
            region.firstChild.remove();
        if (kind !== "error")
            setTimeout(() => note.remove(), SHOWN_MS);
        return note;
    }
    return { region, show };
}
