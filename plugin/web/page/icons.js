// SPDX-License-Identifier: Apache-2.0
/* The page's few icons, 16 by 16, drawn in the colour of the text around them. They are hidden from assistive technology. */

import { svg } from "./dom.js";

const PATHS = {
    copy: ["M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2", "M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z"],
    check: ["M3 8.5l3.2 3.2L13 5"],
    plus: ["M8 3v10", "M3 8h10"],
    revoke: ["M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11", "M4.2 4.2l7.6 7.6"],
    edit: ["M10.5 3.2l2.3 2.3L5.6 12.7l-3 .7l.7-3z"],
    rotate: ["M13 8a5 5 0 1 1-1.6-3.7", "M13.3 2.2v2.6h-2.6"],
    pause: ["M5.5 3.5v9", "M10.5 3.5v9"],
    play: ["M5 3.5l7 4.5l-7 4.5z"],
    back: ["M10 3.5L5.5 8l4.5 4.5"],
    forward: ["M6 3.5L10.5 8L6 12.5"],
    up: ["M4 9.5L8 5.5l4 4"],
    down: ["M4 6.5L8 10.5l4-4"],
    search: ["M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9", "M10.4 10.4L13.5 13.5"],
    warning: ["M8 2.5L14 13H2z", "M8 6.5v3", "M8 11.3v.1"],
    clock: ["M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11", "M8 5v3.2l2 1.3"],
};

export function icon(name) {
    return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
        PATHS[name].map(d => svg("path", { d })));
}
