// SPDX-License-Identifier: Apache-2.0
// The names of a value: BLAKE2b-256 (RFC 7693) as the daemon computes it, and the identifiers that
// begin its digests.  So a value can be looked up without being sent to anybody.

import { sha256 } from "./sha256.js";

export { sha256 };

const PERSONAL = "jeton token v1";
const DIGEST_SIZE = 32;
const BLOCK = 128;
const IDENTIFIER = 20; // hex digits
const VALUE_LEAST = 32;
const VALUE_MOST = 8184;
const VALUE_RANDOM = 43;
const VALUE_CHECK = 6;

const IV = BigUint64Array.of(
    0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
    0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n);

const SIGMA = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const ROUNDS = 12; // the first two again

// Columns, then diagonals.
const MIXES = [
    [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
    [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
];

const encoder = new TextEncoder();

// Storing into a BigUint64Array takes what it is given modulo 2^64.
function rotate(x, bits) {
    return (x >> bits) | (x << (64n - bits));
}

function mix(v, [a, b, c, d], x, y) {
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32n);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24n);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16n);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63n);
}

// Take a block into the state h.  total: the bytes up to its end.
function compress(h, block, total, last) {
    const words = new DataView(block.buffer);
    const m = BigUint64Array.from({ length: 16 }, (_, i) => words.getBigUint64(8 * i, true));
    const v = new BigUint64Array(16);
    v.set(h);
    v.set(IV, 8);
    v[12] ^= BigInt(total);
    if (last)
        v[14] = ~v[14];
    for (let round = 0; round < ROUNDS; round++) {
        const s = SIGMA[round % SIGMA.length];
        MIXES.forEach((places, i) => mix(v, places, m[s[2 * i]], m[s[2 * i + 1]]));
    }
    for (let i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
    m.fill(0n);
    v.fill(0n);
}

// Return the state before the first block: digest length, no key, fanout and depth 1, no salt, the
// personalisation.
function start(purpose) {
    const h = BigUint64Array.from(IV);
    const personal = new Uint8Array(16);
    personal.set(encoder.encode(purpose));
    const words = new DataView(personal.buffer);
    h[0] ^= 0x01010000n ^ BigInt(DIGEST_SIZE);
    h[6] ^= words.getBigUint64(0, true);
    h[7] ^= words.getBigUint64(8, true);
    return h;
}

// Return the digest of the bytes of a value: 32 bytes.  purpose: another personalisation, of at most 16
// bytes, for what is not the name of a value.
export function digest(bytes, purpose = PERSONAL) {
    const h = start(purpose);
    const block = new Uint8Array(BLOCK);
    let at = 0;
    do {
        const part = bytes.subarray(at, at + BLOCK);
        at += part.length;
        block.fill(0);
        block.set(part);
        compress(h, block, at, at === bytes.length);
    } while (at < bytes.length);
    block.fill(0);
    const out = new DataView(new ArrayBuffer(DIGEST_SIZE));
    for (let i = 0; i < DIGEST_SIZE / 8; i++)
        out.setBigUint64(8 * i, h[i], true);
    return new Uint8Array(out.buffer);
}

export function hex(bytes) {
    return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}

// -- what can be a value ------------------------------------------------------------------------

// Why a text is no value.  reason: "identifier", or "malformed" with why: "length", "characters", or
// "check" for one that has the prefix of this host and is mistyped.
export class ValueError extends Error {
    name = "ValueError";

    constructor(reason, why) {
        super(reason);
        this.reason = reason;
        this.why = why;
    }
}

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// CRC-32 as zlib computes it.
function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++)
            crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}

function checkDigits(text) {
    let digits = "";
    for (let crc = crc32(encoder.encode(text)); digits.length < VALUE_CHECK; crc = Math.floor(crc / 62))
        digits = BASE62[crc % 62] + digits;
    return digits;
}

function isOurs(value, head) {
    const rest = value.slice(head);
    return rest.length === VALUE_RANDOM + VALUE_CHECK && /^[0-9A-Za-z]*$/.test(rest) &&
        checkDigits(value.slice(0, -VALUE_CHECK)) === rest.slice(-VALUE_CHECK);
}

// Throw a ValueError unless the text can be a value.  prefix: of this host's values, as of hello();
// without it, one that is mistyped may pass.  Return true if it is a value in this host's form.
export function checkValue(value, prefix) {
    if (/^[0-9A-Fa-f]*$/.test(value) && value.length === IDENTIFIER)
        throw new ValueError("identifier", "identifier");
    if (!/^[!-~]*$/.test(value))
        throw new ValueError("malformed", "characters");
    if (value.length < VALUE_LEAST || value.length > VALUE_MOST)
        throw new ValueError("malformed", "length");
    if (!prefix || !value.startsWith(prefix + "_"))
        return false;
    if (!isOurs(value, prefix.length + 1))
        throw new ValueError("malformed", "check");
    return true;
}

// Return the identifiers that a value's token may have: by its own digest, and by its SHA-256.
export async function identifierOf(value, prefix) {
    checkValue(value, prefix);
    const bytes = encoder.encode(value);
    const found = {
        own: hex(digest(bytes)).slice(0, IDENTIFIER),
        sha256: hex(sha256(bytes)).slice(0, IDENTIFIER),
    };
    bytes.fill(0);
    return found;
}
