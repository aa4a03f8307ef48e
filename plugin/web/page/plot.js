// SPDX-License-Identifier: Apache-2.0
/*
 * A small plot of the last minutes: lines over time, from zero, with gaps where nothing is known. The
 * picture has a summary in words for who does not see it; a pointer over it shows single values.
 */

import { h, replace, svg } from "./dom.js";
import { text } from "./strings.js";
import { clock } from "./time.js";

const WIDTH = 300;
const HEIGHT = 72;

/** The least of 1, 2, 5, 10, 20 … units that is not less; base: by which units follow each other. */
function roundUp(value, base) {
    const unit = base ** Math.floor(Math.log(value) / Math.log(base) + 1e-9);
    const power = 10 ** Math.floor(Math.log10(value / unit) + 1e-9);
    return [1, 2, 5, 10].find(step => step * power * unit >= value * 0.999) * power * unit;
}

/** Lines of an SVG path, broken at gaps; a point alone is a dot. */
function pathOf(points, x, y) {
    let path = "", drawing = false;
    points.forEach(({ at, value }, i) => {
        if (value === null) {
            drawing = false;
            return;
        }
        const place = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
        const alone = !drawing && (points[i + 1]?.value ?? null) === null;
        path += drawing ? `L${place}` : `M${place}${alone ? "h0.1" : ""}`;
        drawing = true;
    });
    return path;
}

function nearest(points, at) {
    return points.reduce((best, point) => (best === null || Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best), null);
}

/**
 * series: [{ key, label }], drawn as lines 1, 2 …; format(value) → text; least: what the scale reaches at
 * least; base: 1024 for bytes. → { node, update([points, …], { from, to }) }, points being [{ at, value | null }].
 */
export function plot({ name, label, series, format, least = 1, base = 1000 }) {
    const paths = series.map((_, i) => svg("path", { class: `plot-line plot-line-${i + 1}` }));
    const cursor = svg("line", { class: "plot-cursor", y1: 0, y2: HEIGHT, visibility: "hidden" });
    const picture = svg("svg", { class: "plot-picture", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label, focusable: "false" },
        svg("line", { class: "plot-grid", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), svg("line", { class: "plot-grid", x1: 0, x2: WIDTH, y1: 0.5, y2: 0.5 }), paths, cursor);
    const top = h("span", { class: "plot-top" }), begin = h("span"), under = h("span", { class: "plot-under" });
    const node = h("figure", { class: "plot", "data-plot": name }, h("div", { class: "plot-area" }, picture, top),
        h("div", { class: "plot-axis muted", "aria-hidden": "true" }, begin, under, h("span", null, text.health.now)));
    let shown = { lists: [], from: 0, to: 1 };

    function point(event) {
        const { left, width } = picture.getBoundingClientRect();
        const at = shown.from + (shown.to - shown.from) * (event.clientX - left) / width;
        const values = shown.lists.map(list => nearest(list, at));
        if (!values[0])
            return;
        const x = WIDTH * (values[0].at - shown.from) / (shown.to - shown.from);
        cursor.setAttribute("x1", x);
        cursor.setAttribute("x2", x);
        cursor.setAttribute("visibility", "visible");
        under.textContent = `${clock(values[0].at)}: ${values.map(({ value }) => (value === null ? text.time.none : format(value))).join(" / ")}`;
    }
    picture.addEventListener("pointermove", point);
    picture.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); under.textContent = ""; });

    return {
        node,
        update(lists, { from, to }) {
            shown = { lists, from, to };
            const values = lists.flat().map(({ value }) => value).filter(value => value !== null), known = values.length > 0;
            const most = roundUp(Math.max(least, ...values) * 1.05, base);
            const x = at => WIDTH * (at - from) / (to - from), y = value => HEIGHT - 1 - (HEIGHT - 2) * value / most;
            lists.forEach((points, i) => paths[i].setAttribute("d", pathOf(points, x, y)));
            replace(top, known ? format(most) : text.health.plotEmpty(label)); // a scale of nothing would look like a measurement
            begin.textContent = text.health.ago(Math.round((to - from) / 60000));
            picture.setAttribute("aria-label", `${label}. ${series.map((one, i) => summary(one.label, lists[i], format)).join(" ")}`);
        },
    };
}

/** "p99: now 3 ms, least 1 ms, most 9 ms." */
export function summary(label, points, format) {
    const values = points.map(({ value }) => value).filter(value => value !== null);
    if (values.length === 0)
        return text.health.plotEmpty(label);
    return text.health.plotSummary(label, format(values.at(-1)), format(Math.min(...values)), format(Math.max(...values)));
}
