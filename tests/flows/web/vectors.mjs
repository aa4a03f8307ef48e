// SPDX-License-Identifier: Apache-2.0
// Checks test vectors (tests/vectors/vectors.h) against the page's modules, or makes some of requests.
//
//     vectors.mjs check < FILE            prints how many there were of each kind
//     vectors.mjs requests SEED COUNT     vectors of requests as the page writes them
import { strict as assert } from "node:assert";
import { createInterface } from "node:readline";

import { ValueError, checkValue, digest, hex, sha256 } from "../../../plugin/web/page/blake2b.js";
import {
    LineReader, ProtocolError, formatDuration, formatTime, parseDuration, parseLine, parseTime, writeRequest, writeWord,
} from "../../../plugin/web/page/codec.js";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

// Turn %HH and text into bytes.
function bytesOf(text) {
    return Uint8Array.from(Buffer.from(text.replace(/%([0-9A-F]{2})/g, (_, digits) =>
        String.fromCharCode(Number.parseInt(digits, 16))), "latin1"));
}

function percent(text, pattern) {
    return Buffer.from(text, "utf-8").toString("latin1").replace(pattern, c =>
        "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"));
}

const put = text => percent(text, /[^!-$&-~]/g);
const putInput = text => percent(text, /[^ -$&-~]|^ | $/g);

// The same for what is expected; bytes that are no UTF-8 are U+FFFD in the page.
function expectedOf(text) {
    return text.replace(/[^ =]+/g, part => put(utf8.decode(bytesOf(part))));
}

function describe({ data, status, reason, words, fields }) {
    const parts = [data ? "data" : status];
    if (!data && status !== "OK")
        parts.push(put(reason));
    parts.push(...words.map(word => "=" + put(word)));
    parts.push(...Object.entries(fields).map(([key, value]) => `${key}=${put(value)}`));
    return parts.join(" ");
}

// A reader gets the line in two portions, and another line behind it.
function read(bytes) {
    const middle = bytes.length >> 1;
    const reader = new LineReader();
    const lines = [];
    try {
        for (const part of [bytes.subarray(0, middle), bytes.subarray(middle), bytesOf("%0AOK%0A")])
            lines.push(...[...reader.feed(part)].map(parseLine));
    } catch (error) {
        assert(error instanceof ProtocolError, error);
        return "invalid";
    }
    assert.equal(lines.length, 2);
    assert.equal(reader.partial, false);
    return describe(lines[0]);
}

function form(text) {
    try {
        return checkValue(text, "jtn") ? "ours" : "foreign";
    } catch (error) {
        assert(error instanceof ValueError, error);
        return error.reason;
    }
}

const meanings = {
    read,
    write: bytes => putInput(writeWord(utf8.decode(bytes))),
    time(bytes) {
        const seconds = parseTime(utf8.decode(bytes));
        return seconds === null ? "invalid" : `${seconds} ${formatTime(seconds)}`;
    },
    duration(bytes) {
        const seconds = parseDuration(utf8.decode(bytes));
        return seconds === null ? "invalid" : `${seconds} ${formatDuration(seconds)}`;
    },
    value: bytes => form(utf8.decode(bytes)),
    digest: bytes => `${hex(digest(bytes))} ${hex(sha256(bytes))}`,
};

async function check() {
    const counts = {};
    let vector = null;
    for await (const line of createInterface({ input: process.stdin })) {
        if (line === "" || line.startsWith("#"))
            continue;
        if (!line.startsWith("is: ")) {
            vector = /^([a-z]+):(?: (.*))?$/.exec(line);
            continue;
        }
        const [whole, kind, input = ""] = vector;
        if (!(kind in meanings))
            continue;
        assert.equal(meanings[kind](bytesOf(input)), kind === "write" ? line.slice(4) : expectedOf(line.slice(4)), whole);
        counts[kind] = (counts[kind] ?? 0) + 1;
    }
    console.log(JSON.stringify(counts));
}

// -- requests -----------------------------------------------------------------------------------

let state;

// mulberry32
function below(end) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) % end;
}

const CHARACTERS = [..." \"\\=*\n\t\r\0\x1f\x7f\x80\x85\x9f\xa0\ufeff\u202e\u2028\uffff\ufffd\u{1f600}\u{10ffff}ä<>&%#'"];
const VERBS = [
    ["create", ["scopes", "subject", "description"]], ["list", ["scope", "subject", "match"]],
    ["verify", ["token", "scope", "subject", "service", "client"]], ["show", ["id"]], ["trace", ["token"]],
];

function randomText() {
    return Array.from({ length: below(24) }, () =>
        below(2) ? CHARACTERS[below(CHARACTERS.length)] : String.fromCharCode(33 + below(94))).join("");
}

// The keys of each verb are in the order in which a vector has them.
function requests(count) {
    for (let i = 0; i < count; i++) {
        const [verb, keys] = VERBS[below(VERBS.length)];
        const args = keys.map(key => [key, randomText()]);
        const shuffled = [...args];
        for (let at = shuffled.length - 1; at > 0; at--) {
            const other = below(at + 1);
            [shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]];
        }
        const line = writeRequest(verb, below(2) ? shuffled : Object.fromEntries(shuffled));
        assert(line.endsWith("\n") && line.indexOf("\n") === line.length - 1);
        console.log(`request: ${putInput(line.slice(0, -1))}`);
        console.log(`is: ${[verb, ...args.map(([key, value]) => `${key}=${put(value)}`)].join(" ")}`);
    }
}

const [mode, seed, count] = process.argv.slice(2);
if (mode === "requests") {
    state = Number(seed);
    requests(Number(count));
} else {
    await check();
}
