// SPDX-License-Identifier: Apache-2.0
/*
 * Health: how much is verified and refused and how fast, tokens by state, space and memory, and what
 * should be looked after. Asked every five seconds while it is shown; what was seen is kept for ten
 * minutes, also while other views are shown.
 */

import { clean, h, replace } from "./dom.js";
import { checksOf } from "./health_checks.js";
import { KEEP_MS, POLL_MS, REASONS, Series } from "./health_series.js";
import { number } from "./locale.js";
import { plot } from "./plot.js";
import { routeTo } from "./route.js";
import { figure } from "./stats_feed.js";
import { text } from "./strings.js";
import { clock, span } from "./time.js";

const STATES = ["active", "pending", "disabled", "expired", "revoked"];
const MINUTE_MS = 60000;

function rateText(value) {
    return text.health.perSecond(value < 9.95 ? value.toFixed(1) : number(Math.round(value)));
}

function bytesText(bytes) {
    const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
    const amount = bytes / 1024 ** power;
    return `${power === 0 || amount >= 9.95 ? Math.round(amount) : amount.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

function secondsText(seconds) {
    const [amount, unit] = seconds < 0.001 ? [seconds * 1e6, "\u00b5s"] : seconds < 1 ? [seconds * 1000, "ms"] : [seconds, "s"];
    return `${amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
}

const wholeText = value => number(Math.round(value));

/** The tiles: figure(rows, series) is what stands large; lists(series) are the lines of the plot. */
const TILES = [
    { key: "verified", format: rateText, figure: series => latest(series.rate("verified"), rateText), lists: series => [series.rate("verified")] },
    { key: "refused", format: rateText, figure: series => latest(series.rate("refused"), rateText), lists: series => [series.rate("refused")] },
    { key: "latency", format: secondsText, least: 1e-6, lines: ["p50", "p99"], lists: series => [series.latency(0.5), series.latency(0.99)],
        figure: (series, rows) => `${secondsOf(rows, "p50")} / ${secondsOf(rows, "p99")}` },
    { key: "connections", format: wholeText, figure: series => wholeText(series.last.connections), lists: series => [series.level("connections")] },
    { key: "store", format: bytesText, least: 1024, base: 1024, figure: series => bytesText(series.last.store), lists: series => [series.level("store")] },
    { key: "memory", format: bytesText, least: 1024, base: 1024, figure: series => bytesText(series.last.memory), lists: series => [series.level("memory")] },
];

function latest(points, format) {
    const value = points.at(-1)?.value ?? null;
    return value === null ? text.time.none : format(value);
}

function secondsOf(rows, quantile) {
    const seconds = figure(rows, `verify_seconds_${quantile}`);
    return seconds > 0 ? secondsText(seconds) : text.time.none;
}

/** The mean of each whole minute, newest first: [{ at, values }]. */
function minutesOf(lists) {
    const minutes = new Map();
    lists.forEach((points, i) => points.forEach(({ at, value }) => {
        const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
        if (value !== null)
            (minutes.get(minute) ?? minutes.set(minute, lists.map(() => [])).get(minute))[i].push(value);
    }));
    const mean = values => (values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
    return [...minutes].sort(([a], [b]) => b - a).map(([at, values]) => ({ at, values: values.map(mean) }));
}

class HealthView {
    constructor(root, app) {
        this.app = app;
        this.stop = () => {};
        const heading = h("h2", { tabindex: "-1", "data-focus": "" }, text.health.heading);
        if (!app.client.may("stats")) {
            replace(root, h("div", { class: "empty card", "data-empty": "forbidden" }, heading, h("p", null, text.health.forbidden)));
            return;
        }
        this.series = app.kept.health ??= new Series();
        this.#build(root, heading);
        this.stop = app.stats.subscribe(answer => this.#take(answer), POLL_MS);
    }

    #build(root, heading) {
        const words = text.health;
        this.tiles = TILES.map(tile => this.#tile(tile));
        this.about = h("p", { class: "muted", "data-name": "about" }, text.shell.loading);
        this.states = h("div", { class: "card-body", "data-name": "states" });
        this.reasons = h("div", { class: "card-body", "data-name": "reasons" });
        this.checks = h("ul", { class: "checks", "data-name": "checks" });
        this.figures = h("details", { class: "card health-figures" }, h("summary", null, words.asTable));
        this.figures.addEventListener("toggle", () => this.#showFigures());
        replace(root, h("div", { class: "view-head" }, heading, this.about),
            h("div", { class: "tiles" }, this.tiles.map(tile => tile.node)),
            h("div", { class: "health-grid" },
                h("div", { class: "token-column" }, this.#card(words.states, words.statesHint, this.states), this.#card(words.reasons, words.reasonsHint, this.reasons)),
                this.#card(words.checks, words.checksHint, this.checks)),
            this.figures, h("p", { class: "muted health-note" }, this.app.role === "admin" ? words.noteAdmin : words.noteObserve));
    }

    #tile({ key, format, least, base, lines = [key] }) {
        const words = text.health.tiles[key];
        const value = h("p", { class: "tile-value", "data-figure": key }, text.time.none);
        const drawn = plot({ name: key, label: words.label, series: lines.map(line => ({ key: line, label: lines.length > 1 ? line : words.label })), format, least, base });
        return { value, plot: drawn, node: h("section", { class: "card tile", "data-tile": key, "aria-label": words.label },
            h("h3", null, words.label), value, drawn.node, lines.length > 1 && this.#legend(lines), h("p", { class: "tile-hint muted" }, words.hint)) };
    }

    #legend(lines) {
        return h("p", { class: "plot-legend muted" }, lines.map((line, i) => h("span", { class: `legend legend-${i + 1}` }, line)), text.health.lastMinute);
    }

    #card(title, hint, content) {
        return h("section", { class: "card", "aria-label": title }, h("div", { class: "card-header" }, h("h3", null, title), h("p", { class: "card-hint muted" }, hint)), content);
    }

    // -- what is shown --------------------------------------------------------------------------

    #take(answer) {
        this.series.add(answer);
        const { rows } = answer, { series } = this;
        const times = { from: Math.max(answer.at - KEEP_MS, Math.min(series.first.at, answer.at - MINUTE_MS)), to: answer.at };
        TILES.forEach((tile, i) => {
            this.tiles[i].value.textContent = tile.figure(series, rows);
            this.tiles[i].plot.update(tile.lists(series), times);
        });
        const version = rows.find(row => row.name === "version")?.value ?? "";
        replace(this.about, text.health.about, " ", clean(version), " \u00b7 ", text.health.up(span(series.last.uptime)));
        this.#showStates(rows);
        this.#showReasons(rows);
        this.#showChecks(rows);
        this.#showFigures();
    }

    #showStates(rows) {
        const words = text.health;
        const counts = STATES.map(state => [state, figure(rows, `tokens_${state}`)]).filter(([, count]) => !Number.isNaN(count));
        const total = counts.reduce((sum, [, count]) => sum + count, 0);
        const bar = h("div", { class: "state-bar", "aria-hidden": "true" }, counts.filter(([, count]) => count > 0).map(([state, count]) => {
            const part = h("span", { class: `state-part state-${state}` });
            part.style.flexGrow = String(Math.max(count, total / 200));
            return part;
        }));
        const line = (label, count, name) => !Number.isNaN(count) && h("li", { "data-count": name }, label, h("strong", null, wholeText(count)));
        this.#put(this.states, total > 0 && bar,
            h("ul", { class: "counts" }, counts.map(([state, count]) => line(h("a", { href: routeTo("tokens", { state }), class: `state-name state-${state}` }, text.states[state]), count, state))),
            h("ul", { class: "counts counts-more" }, line(words.all, figure(rows, "tokens"), "all"), line(h("a", { href: "#/tokens?view=expiring" }, words.expiring), figure(rows, "tokens_expiring_14d"), "expiring"),
                line(words.endless, figure(rows, "tokens_without_expiry"), "endless"), line(words.bans, figure(rows, "bans"), "bans")));
    }

    #showReasons(rows) {
        const counts = REASONS.map(reason => [reason, figure(rows, `verify_${reason}`) || 0]).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
        const good = figure(rows, "verify_ok") || 0;
        this.#put(this.reasons, h("ul", { class: "counts" },
            h("li", { "data-count": "ok" }, text.health.reason.ok, h("strong", null, wholeText(good))),
            counts.map(([reason, count]) => h("li", { "data-count": reason }, text.health.reason[reason], h("strong", null, wholeText(count))))));
    }

    #showChecks(rows) {
        const words = text.health.check;
        this.#put(this.checks, checksOf(rows, key => this.series.growth(key)).map(({ key, level, value, names }) => h("li", { class: "check", "data-check": key, "data-level": level },
            h("span", { class: `badge badge-${level}` }, text.health.level[level]),
            h("div", null, h("strong", null, words[key].label), " ", h("span", { class: "check-value" }, key === "store_space" ? bytesText(value) : wholeText(value)),
                h("p", { class: "muted" }, level === "good" ? words[key].good ?? words[key].bad : words[key].bad, names?.length > 0 && [" ", clean(names.join(", "))])))));
    }

    /** The plots as a table, for who cannot use the pictures; made only while it is open. */
    #showFigures() {
        const summary = this.figures.firstChild;
        if (!this.figures.open || !this.series.last)
            return replace(this.figures, summary);
        const words = text.health;
        const columns = TILES.flatMap(tile => tile.lists(this.series).map((points, i) => ({ points, format: tile.format, label: tile.lines ? `${words.tiles[tile.key].column} ${tile.lines[i]}` : words.tiles[tile.key].label })));
        const minutes = minutesOf(columns.map(column => column.points));
        replace(this.figures, summary, h("div", { class: "figures-frame", tabindex: "0", role: "region", "aria-label": words.asTable }, h("table", { class: "figures", "data-table": "health" },
            h("caption", { class: "visually-hidden" }, words.figures),
            h("thead", null, h("tr", null, h("th", { scope: "col" }, words.minute), columns.map(column => h("th", { scope: "col" }, column.label)))),
            h("tbody", null, minutes.map(({ at, values }) => h("tr", null, h("th", { scope: "row" }, clock(at)), values.map((value, i) => h("td", null, value === null ? text.time.none : columns[i].format(value)))))))));
    }

    /** Put content into a node unless that is what it shows: links keep the focus. */
    #put(node, ...children) {
        const made = h("div", null, children);
        if (made.textContent === node.textContent && made.childElementCount === node.childElementCount)
            return;
        const focused = node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        node.replaceChildren(...made.childNodes);
        if (focused)
            node.querySelector(`a[href="${focused}"]`)?.focus();
    }

    unmount() {
        this.stop();
    }
}

export function mount(root, app) {
    return new HealthView(root, app);
}
