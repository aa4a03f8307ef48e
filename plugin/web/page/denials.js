// SPDX-License-Identifier: Apache-2.0
/* The banner over every view while denials are in force that could not be saved: a crash would undo them. */

import { h, replace } from "./dom.js";
import { figure } from "./stats_feed.js";
import { text } from "./strings.js";

const POLL_MS = 15000;

/** → the banner, hidden until there are such denials. stats: a feed. */
export function denialsBanner(stats, announce) {
    const node = h("div", { class: "banner banner-danger", role: "alert", hidden: true, "data-banner": "denials" });
    let shown = 0;

    stats.subscribe(({ rows }) => {
        const unsaved = figure(rows, "denials_unsaved") || 0;
        if (unsaved === shown)
            return;
        if (unsaved === 0)
            announce(text.health.denialsSaved);
        shown = unsaved;
        node.hidden = unsaved === 0;
        replace(node, h("strong", null, text.health.denialsTitle(unsaved)), " ", text.health.denialsHint, " ", h("a", { href: "#/health" }, text.shell.health));
    }, POLL_MS);
    return node;
}
