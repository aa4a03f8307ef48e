// SPDX-License-Identifier: Apache-2.0
// What a plot shows, with as little of a document as it needs.
import { strict as assert } from "node:assert";
import { test } from "node:test";

globalThis.Node = class {
    children = [];
    attributes = new Map();

    constructor(tag) {
        this.tag = tag;
    }

    append(child) {
        this.children.push(child);
    }

    replaceChildren() {
        this.children = [];
    }

    setAttribute(name, value) {
        this.attributes.set(name, value);
    }

    addEventListener() {}

    set textContent(text) {
        this.children = [text];
    }

    get textContent() {
        return this.children.map(child => child.textContent ?? child).join("");
    }

    find(name, value) {
        return this.attributes.get(name) === value ? this
            : this.children.map(child => child.find?.(name, value)).find(found => found !== undefined);
    }
};
globalThis.document = {
    createElement: tag => new Node(tag), createElementNS: (_space, tag) => new Node(tag), addEventListener() {},
};

globalThis.setInterval = () => {}; // the clock of relative times would go on for ever

const { plot } = await import("../../../plugin/web/page/plot.js");

const TIMES = { from: 0, to: 600000 };

function shown(lists) {
    const { node, update } = plot({
        name: "latency", label: "Latency", series: [{ key: "p50", label: "p50" }, { key: "p99", label: "p99" }],
        format: value => `${(value * 1e6).toFixed(1)} \u00b5s`, least: 1e-6,
    });
    update(lists, TIMES);
    return { top: node.find("class", "plot-top").textContent, words: node.find("class", "plot-picture").attributes.get("aria-label") };
}

test("a plot without data has words instead of a scale", () => {
    for (const lists of [[[], []], [[{ at: 1000, value: null }, { at: 6000, value: null }], [{ at: 1000, value: null }]]])
        assert.deepEqual(shown(lists), {
            top: "Latency: nothing known yet.",
            words: "Latency. p50: nothing known yet. p99: nothing known yet.",
        });
});

test("a plot has its scale as soon as one value is known", () => {
    const { top, words } = shown([[{ at: 1000, value: null }, { at: 6000, value: 3e-6 }], [{ at: 6000, value: null }]]);
    assert.equal(top, "5.0 \u00b5s");
    assert.equal(words, "Latency. p50: now 3.0 \u00b5s, least 3.0 \u00b5s, most 3.0 \u00b5s. p99: nothing known yet.");
});

test("a value of zero is a value", () => {
    assert.equal(shown([[{ at: 1000, value: 0 }], []]).top, "2.0 \u00b5s");
});
