// SPDX-License-Identifier: Apache-2.0
/*
 * Start the page: over Cockpit's channels if Cockpit has loaded it, else over the server of `jeton web`,
 * whose link has the secret behind its "#": that goes to this tab's session storage, and out of the address.
 */

import { start } from "./app.js";
import { Client } from "./client.js";
import { h, replace } from "./dom.js";
import { startText } from "./failure.js";
import { text } from "./strings.js";

const RETRY_MS = 2000;

let made = null; // one client for the page: each goes on looking for a server that is lost
let trying = false;

/** The transport takes the secret out of the address before anything else is done. */
async function connect() {
    if (made === null) {
        const module = globalThis.cockpit ? await import("./transport_cockpit.js") : await import("./transport_http.js");
        module.takeSecret?.();
        made = new Client(await module.connect());
    }
    return made;
}

function showFailure(root, error, again) {
    replace(root, h("main", { class: "start-failed" }, h("h1", null, text.shell.title),
        h("div", { class: "banner banner-danger", role: "alert", "data-banner": "start", "data-kind": error.kind ?? "" },
            h("strong", null, text.shell.startFailed), " ", startText(error)),
        h("button", { type: "button", class: "button", "data-action": "retry", onclick: again }, text.shell.again)));
}

/** Returns when the page runs; until then, failures are shown, and all but a wrong secret tried again: once at a time. */
async function run(root) {
    if (trying)
        return;
    trying = true;
    for (const button of root.querySelectorAll("[data-action=retry]"))
        button.disabled = true;
    try {
        const client = await connect();
        start(root, client, await client.hello());
    } catch (error) {
        const timer = error.kind === "unauthorized" ? 0 : setTimeout(() => run(root), RETRY_MS);
        showFailure(root, error, () => { clearTimeout(timer); run(root); });
    } finally {
        trying = false;
    }
}

// A new link that is opened in this tab differs from the page's address only behind the "#".
addEventListener("hashchange", () => /^#[^/]/.test(location.hash) && location.reload());
run(document.getElementById("app"));
