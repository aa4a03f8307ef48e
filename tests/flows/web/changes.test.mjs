// SPDX-License-Identifier: Apache-2.0
// How views learn of changes, whoever makes them and however often.
import { strict as assert } from "node:assert";
import { mock, test } from "node:test";

globalThis.document = { hidden: false };
const PAGE = "../../../plugin/web/page";
const { changes } = await import(`${PAGE}/changes.js`);
const { refresher } = await import(`${PAGE}/refresher.js`);

const settled = () => new Promise(resolve => setImmediate(resolve));

test("a watch that is granted no more is replaced by asking again", async () => {
    mock.timers.enable({ apis: ["setInterval"] });
    let refuse;
    const client = { state: "up", may: () => true, onState: () => {}, watch: () => new Promise((_resolve, reject) => { refuse = reject; }) };
    const seen = [];
    const stop = changes(client).onChange(entry => seen.push(entry));
    mock.timers.tick(60000);
    assert.deepEqual(seen, []);
    refuse(new Error("forbidden"));
    await settled();
    mock.timers.tick(20000);
    assert.deepEqual(seen, [null]);
    stop();
    mock.timers.tick(60000);
    assert.deepEqual(seen, [null]);
    mock.timers.reset();
});

test("who changes something without a pause cannot keep it from being read", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    let begun = 0, finish;
    const again = refresher(() => (begun++, new Promise(resolve => { finish = resolve; })), 400);
    for (let i = 0; i < 10; i++) {
        again.ask();
        mock.timers.tick(100);
    }
    assert.equal(begun, 1, "it is read once at a time");
    finish();
    await settled();
    mock.timers.tick(400);
    assert.equal(begun, 2, "and anew for what came meanwhile");
    finish();
    await settled();
    mock.timers.tick(4000);
    assert.equal(begun, 2, "but for nothing more");
    again.ask();
    again.stop();
    again.ask();
    mock.timers.tick(4000);
    assert.equal(begun, 2);
    mock.timers.reset();
});
