// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4).  crypto.subtle is not there where the page came over plain HTTP from another
// host, and that must not make a leaked value unfindable.

const BLOCK = 64;

// The first 32 bits of the fractional part of a root.  Each is exact in whole numbers: the root of
// n * 2^(32 * power), cut off.
function fraction(n, power) {
    const radicand = BigInt(n) << BigInt(32 * power);
    let low = 0n;
    let high = 1n << 40n;
    while (high - low > 1n) {
        const middle = (low + high) / 2n;
        if (middle ** BigInt(power) <= radicand)
            low = middle;
        else
            high = middle;
    }
    return Number(BigInt.asUintN(32, low));
}

function firstPrimes(count) {
    const primes = [];
    for (let n = 2; primes.length < count; n++)
        if (primes.every(prime => n % prime !== 0))
            primes.push(n);
    return primes;
}

const PRIMES = firstPrimes(64);
const START = Uint32Array.from(PRIMES.slice(0, 8), prime => fraction(prime, 2));
const K = Uint32Array.from(PRIMES, prime => fraction(prime, 3));

function rotate(x, bits) {
    return (x >>> bits) | (x << (32 - bits));
}

// Spread a block's 16 words to 64.
function schedule(words, at) {
    const w = new Uint32Array(64);
    for (let i = 0; i < 16; i++)
        w[i] = words.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
        const a = w[i - 15];
        const b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)) +
            w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10));
    }
    return w;
}

function compress(state, words, at) {
    const w = schedule(words, at);
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
        const one = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => state[i] += word);
    w.fill(0);
}

// Return the SHA-256 of some bytes: 32 bytes.
export function sha256(bytes) {
    const blocks = Math.floor((bytes.length + 8) / BLOCK) + 1;
    const padded = new Uint8Array(blocks * BLOCK);
    const words = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    words.setBigUint64(padded.length - 8, 8n * BigInt(bytes.length));
    const state = Uint32Array.from(START);
    for (let at = 0; at < padded.length; at += BLOCK)
        compress(state, words, at);
    padded.fill(0);
    const out = new DataView(new ArrayBuffer(32));
    state.forEach((word, i) => out.setUint32(4 * i, word));
    return new Uint8Array(out.buffer);
}
