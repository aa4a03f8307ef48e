// SPDX-License-Identifier: Apache-2.0
/* An identifier beside its Copy button. */

import { copyFrom } from "./clipboard.js";
import { h, replace } from "./dom.js";
import { icon } from "./icons.js";
import { text } from "./strings.js";

const SHOWN_MS = 1800;

export function identifier(app, id) {
    const code = h("code", { class: "identifier", "data-name": "identifier", title: id }, id);
    const button = h("button", { type: "button", class: "icon-button copy-button", "data-action": "copy-identifier", "aria-label": text.shell.copyIdentifier(id), title: text.shell.copy,
        async onclick() {
            const done = await copyFrom(code);
            app.announce(done ? text.shell.copied : text.shell.copyFailed);
            if (!done)
                return app.toast(text.shell.copyFailed);
            replace(button, icon("check"));
            button.classList.add("copied");
            setTimeout(() => { replace(button, icon("copy")); button.classList.remove("copied"); }, SHOWN_MS);
        } }, icon("copy"));
    return h("span", { class: "identifier-group" }, code, button);
}
