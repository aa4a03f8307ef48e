// SPDX-License-Identifier: Apache-2.0
// The lines of the protocol (proto/PROTOCOL.md, section 1), as proto/line.c and proto/reply.c read
// and write them: tests/vectors/lines.txt is checked against both.
//
//     line     = [ argument *( 1*SP argument ) ]
//     argument = word | key "=" word             key: [a-z][a-z_]{0,15}
//     word     = bare | '"' quoted '"'           escapes in quoted: \" \\ \n \t \r \xHH

import { ProtocolError } from "./errors.js";

export { ProtocolError };

export const LINE_MOST = 8192; // bytes of a request with its LF
const REPLY_LINE_MOST = 4 * LINE_MOST; // a journal entry is as long as a request, and has names besides
const ARGUMENTS_MOST = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// Bytes that a quoted value names by \xHH need not be text.
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

const LONE_SURROGATE = /\p{Surrogate}/u;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const NOT_BARE = /[\x00-\x20\x7f-\x9f"\\]/;
const TO_ESCAPE = /[\x00-\x1f\x7f-\x9f"\\]/g;
const SUSPICIOUS = /[\x00-\x1f\x7f\ud800-\udfff]/; // what the two below find is among this
const NEEDS_QUOTES = /["\\\t]/;
const KEY_MOST = 16;
const KEY = /^[a-z][a-z_]{0,15}$/;
const LETTER_OF = { "\"": "\"", "\\": "\\", "\n": "n", "\t": "t", "\r": "r" };
const MEANT_BY = { "\"": "\"", "\\": "\\", n: "\n", t: "\t", r: "\r" };

// -- writing ------------------------------------------------------------------------------------

function escape(character) {
    const letter = LETTER_OF[character];
    if (letter !== undefined)
        return "\\" + letter;
    return Array.from(encoder.encode(character), byte => "\\x" + byte.toString(16).padStart(2, "0")).join("");
}

// Return a word as it stands in a line: quoted where that is needed, or always.
export function writeWord(value, always = false) {
    if (LONE_SURROGATE.test(value))
        throw new ProtocolError("a value is not valid Unicode");
    if (!always && value !== "" && !NOT_BARE.test(value))
        return value;
    return "\"" + value.replace(TO_ESCAPE, escape) + "\"";
}

function textOf(key, value) {
    if (typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "bigint")
        return String(value);
    if (typeof value !== "string")
        throw new TypeError(`${key}= is neither a text nor a whole number`);
    return value;
}

// Return a request with its LF.  args: an object, or an array of [key, value]; values are strings or
// whole numbers.  The value of a token is always quoted.  What is undefined or null is an error: a
// key that is left out has a meaning, too.
export function writeRequest(verb, args = {}) {
    const pairs = Array.isArray(args) ? args : Object.entries(args);
    const seen = new Set();
    let line = verb;
    if (!/^[a-z]+$/.test(verb))
        throw new ProtocolError("a verb has small letters only");
    if (pairs.length > ARGUMENTS_MOST)
        throw new ProtocolError("too many arguments on one line");
    for (const [key, value] of pairs) {
        if (!KEY.test(key) || seen.has(key))
            throw new ProtocolError("a key is given twice, or is none");
        seen.add(key);
        line += ` ${key}=${writeWord(textOf(key, value), key === "token")}`;
    }
    line += "\n";
    if (line.length > LINE_MOST || (3 * line.length > LINE_MOST && encoder.encode(line).length > LINE_MOST))
        throw new ProtocolError("the request is too long for a line of the protocol");
    return line;
}

// -- reading ------------------------------------------------------------------------------------

// Where reading stands: a million lines are read one after the other, so most words are cut out
// whole, and looked at byte by byte only from the first escape on.
class Cursor {
    constructor(text, at) {
        this.text = text;
        this.at = at;
    }

    // Return the text up to an index and go there, and over a number of characters.
    cut(end, over) {
        const text = this.text.slice(this.at, end);
        this.at = end + over;
        return text;
    }
}

// Return the key before a '=', or "" for a word.
function takeKey(cursor) {
    const equals = cursor.text.indexOf("=", cursor.at);
    if (equals <= cursor.at || equals > cursor.at + KEY_MOST || !KEY.test(cursor.text.slice(cursor.at, equals)))
        return "";
    return cursor.cut(equals, 1);
}

function takeBare(cursor) {
    const space = cursor.text.indexOf(" ", cursor.at);
    const word = cursor.cut(space < 0 ? cursor.text.length : space, 0);
    if (NEEDS_QUOTES.test(word))
        throw new ProtocolError("quotes, backslashes and tabs need a value in double quotes");
    return word;
}

// Read an escape behind its backslash, as a character; or as a byte, which is more than that.
function takeEscape(cursor) {
    const letter = cursor.text[cursor.at];
    const meant = letter === undefined ? undefined : MEANT_BY[letter];
    if (meant !== undefined) {
        cursor.at++;
        return meant;
    }
    const digits = cursor.text.slice(cursor.at + 1, cursor.at + 3);
    if (letter !== "x" || !/^[0-9A-Fa-f]{2}$/.test(digits))
        throw new ProtocolError("unknown escape");
    cursor.at += 3;
    return Number.parseInt(digits, 16);
}

// Join pieces of text and bytes.  Bytes that are together no UTF-8 become U+FFFD.
function join(pieces) {
    if (pieces.every(piece => typeof piece === "string"))
        return pieces.join("");
    const bytes = [];
    for (const piece of pieces) {
        if (typeof piece === "number")
            bytes.push(piece);
        else
            bytes.push(...encoder.encode(piece));
    }
    return lenient.decode(Uint8Array.from(bytes));
}

function takeQuoted(cursor) {
    const pieces = [];
    let quote = cursor.text.indexOf("\"", ++cursor.at);
    let escape = cursor.text.indexOf("\\", cursor.at);
    while (escape >= 0 && escape < quote) {
        pieces.push(cursor.cut(escape, 1), takeEscape(cursor));
        quote = cursor.text.indexOf("\"", cursor.at);
        escape = cursor.text.indexOf("\\", cursor.at);
    }
    if (quote < 0)
        throw new ProtocolError("a double quote is not closed");
    const last = cursor.cut(quote, 1);
    if (cursor.at < cursor.text.length && cursor.text[cursor.at] !== " ")
        throw new ProtocolError("a space is needed after a closing double quote");
    if (pieces.length === 0)
        return last;
    pieces.push(last);
    return join(pieces);
}

// Read the arguments from `at` on: an array of each key, which is "" for a word, and its value.
function readArguments(text, at) {
    const cursor = new Cursor(text, at);
    const found = [];
    for (;;) {
        while (text[cursor.at] === " ")
            cursor.at++;
        if (cursor.at === text.length)
            return found;
        if (found.length === 2 * ARGUMENTS_MOST)
            throw new ProtocolError("too many arguments on one line");
        found.push(takeKey(cursor), text[cursor.at] === "\"" ? takeQuoted(cursor) : takeBare(cursor));
    }
}

// Fields inherit nothing, so that a key such as "constructor" is absent unless it is given.  Unlike
// objects without a prototype, those of one kind of line share one layout.
function Fields() {}
Fields.prototype = Object.create(null);

// Collect arguments from the one with that number on.  Of a key that is repeated the first one counts.
function collect(found, from) {
    const words = [];
    const fields = new Fields();
    for (let i = 2 * from; i < found.length; i += 2) {
        if (found[i] === "")
            words.push(found[i + 1]);
        else if (!(found[i] in fields))
            fields[found[i]] = found[i + 1];
    }
    if ("token" in fields)
        detach(fields);
    return { words, fields };
}

// A part of a string may keep the whole of it in memory: what stands beside a token's value is copied, so
// that the value goes when it is let go of.
function detach(fields) {
    for (const key of Object.keys(fields))
        if (key !== "token")
            fields[key] = decoder.decode(encoder.encode(fields[key]));
}

function readFinal(found) {
    const [key, status, reasonKey, reason] = found;
    if (key === "" && status === "OK")
        return { data: false, status, reason: "", ...collect(found, 1) };
    if (key !== "" || (status !== "NO" && status !== "ERR") || reasonKey !== "")
        throw new ProtocolError("a line of the answer is neither data nor OK, NO or ERR");
    return { data: false, status, reason, ...collect(found, 2) };
}

// Read a line of a reply, without its LF:
//     { data: true, words, fields }                                   a data line
//     { data: false, status: "OK"|"NO"|"ERR", reason, words, fields } the final line
export function parseLine(text) {
    if (SUSPICIOUS.test(text)) {
        if (CONTROL.test(text))
            throw new ProtocolError("a line of the answer has control bytes");
        if (LONE_SURROGATE.test(text))
            throw new ProtocolError("a line of the answer is not valid Unicode");
    }
    if (text[0] !== "*" || (text.length > 1 && text[1] !== " "))
        return readFinal(readArguments(text, 0));
    const { words, fields } = collect(readArguments(text, 1), 0);
    return { data: true, words, fields };
}

// Cuts a stream of bytes into lines.  After an error it is of no more use.
export class LineReader {
    #rest = new Uint8Array(REPLY_LINE_MOST);
    #length = 0;

    // Take bytes in any portions; go through the lines that are complete, as text without their LF.
    * feed(bytes) {
        let begin = 0;
        for (;;) {
            const end = bytes.indexOf(0x0a, begin);
            const part = bytes.subarray(begin, end < 0 ? bytes.length : end);
            if (this.#length + part.length >= REPLY_LINE_MOST)
                throw new ProtocolError("a line of the answer is too long");
            if (end < 0) {
                this.#rest.set(part, this.#length);
                this.#length += part.length;
                return;
            }
            yield this.#decode(part);
            begin = end + 1;
        }
    }

    #decode(part) {
        let bytes = part;
        if (this.#length > 0) {
            this.#rest.set(part, this.#length);
            bytes = this.#rest.subarray(0, this.#length + part.length);
            this.#length = 0;
        }
        try {
            return decoder.decode(bytes);
        } catch {
            throw new ProtocolError("a line of the answer is not valid UTF-8");
        }
    }

    // True if a line has begun and not ended.
    get partial() {
        return this.#length > 0;
    }

    // Forget the bytes that were kept, as they may be part of a token's value.
    wipe() {
        this.#rest.fill(0);
        this.#length = 0;
    }
}

// -- times and durations ------------------------------------------------------------------------

const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z$/;
const SECONDS_OF = { y: 365 * 86400, w: 7 * 86400, d: 86400, h: 3600, m: 60, s: 1 };
const TIME_MOST = 253402300799; // 9999-12-31T23:59:59Z
const DURATION_MOST = 1000 * SECONDS_OF.y;

// Read a time, as seconds since 1970; null if it is none of the years 1970 to 9999.
export function parseTime(text) {
    const match = TIME.exec(text);
    const seconds = match === null ? Number.NaN : Date.parse(text) / 1000;
    // Date.parse() takes 24:00:00 and, in some browsers, the 30th of February for another day.
    return seconds >= 0 && formatTime(seconds) === text ? seconds : null;
}

// Write seconds since 1970, clamped to the years 1970 to 9999.
export function formatTime(seconds) {
    const clamped = Math.min(Math.max(Math.trunc(seconds), 0), TIME_MOST);
    return new Date(clamped * 1000).toISOString().slice(0, 19) + "Z";
}

// Read a duration such as "90d", as seconds; null if it is none, or longer than 1000 years.
export function parseDuration(text) {
    const match = /^(\d+)([ywdhms])$/.exec(text);
    const seconds = match === null ? Number.NaN : Number(match[1]) * SECONDS_OF[match[2]];
    return seconds <= DURATION_MOST ? seconds : null;
}

// Write a duration in the largest unit up to days that leaves no rest.
export function formatDuration(seconds) {
    const unit = seconds === 0 ? "s" : ["d", "h", "m", "s"].find(each => seconds % SECONDS_OF[each] === 0);
    return seconds / SECONDS_OF[unit] + unit;
}
