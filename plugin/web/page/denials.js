// SPDX-License-Identifier: Apache-2.0
/* Banners over every view: while denials are in force that could not be saved, as a crash would undo them; and while some are not in the fleet's database. */

import { h, replace } from "./dom.js";
import { figure } from "./stats_feed.js";
import { text } from "./strings.js";

const POLL_MS = 15000;

function banner(stats, announce, { name, kind, key, title, hint, over }) {
    const node = h("div", { class: `banner banner-${kind}`, role: "alert", hidden: true, "data-banner": name });
    let shown = 0;

    stats.subscribe(({ rows }) => {
        const waiting = figure(rows, key) || 0;
        if (waiting === shown)
            return;
        if (waiting === 0)
            announce(over);
        shown = waiting;
        node.hidden = waiting === 0;
        replace(node, h("strong", null, title(waiting)), " ", hint, " ", h("a", { href: "#/health" }, text.shell.health));
    }, POLL_MS);
    return node;
}

/** → the banners, hidden until there are such denials. stats: a feed. */
export function denialsBanners(stats, announce) {
    const { health, fleet } = text;
    return [
        banner(stats, announce, { name: "denials", kind: "danger", key: "denials_unsaved", title: health.denialsTitle, hint: health.denialsHint, over: health.denialsSaved }),
        banner(stats, announce, { name: "unsent", kind: "warn", key: "fleet_unsent", title: fleet.unsentTitle, hint: fleet.unsentHint, over: fleet.allSent }),
    ];
}
