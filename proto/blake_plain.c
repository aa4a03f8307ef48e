/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b (RFC 7693) as it is written there. */
#include "proto/blake_plain.h"

#include <endian.h>

enum { ROUNDS = 12, WORDS = 16, BLOCK = 8 * WORDS, PERSONAL = 16 };

static const uint64_t iv[8] = {
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* The last two rounds use the first two rows again. */
static const uint8_t sigma[ROUNDS - 2][WORDS] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
    { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
    { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
    { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
    { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint64_t load(const void *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x >> bits | x << (64 - bits);
}

static inline void mix(uint64_t v[16], int i, uint64_t x, uint64_t y)
{
    uint64_t *a = &v[i % 4], *b = &v[4 + (i + i / 4) % 4];
    uint64_t *c = &v[8 + (i + i / 4 * 2) % 4], *d = &v[12 + (i + i / 4 * 3) % 4];

    *a += *b + x;
    *d = rotate(*d ^ *a, 32);
    *c += *d;
    *b = rotate(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 63);
}

/* Compress a block; `length` is that of the message up to its end. */
static void compress(uint64_t h[8], const uint8_t block[BLOCK], uint64_t length, bool last)
{
    uint64_t m[WORDS], v[16];

    for (int i = 0; i < WORDS; i++)
        m[i] = load(block + 8 * i);
    memcpy(v, h, 64);
    memcpy(v + 8, iv, sizeof(iv));
    v[12] ^= length;
    v[14] ^= last ? UINT64_MAX : 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *s = sigma[round % (ROUNDS - 2)];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            mix(v, i, m[s[2 * i]], m[s[2 * i + 1]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
    explicit_bzero(m, sizeof(m));
}

void blake_plain(struct slice message, const char *personal, uint8_t digest[DIGEST_SIZE])
{
    uint8_t block[BLOCK], padded[PERSONAL] = { 0 };
    uint64_t h[8];
    size_t done = 0;

    memcpy(padded, personal, strnlen(personal, PERSONAL));
    memcpy(h, iv, sizeof(h));
    h[0] ^= UINT64_C(0x01010000) ^ DIGEST_SIZE;
    h[6] ^= load(padded);
    h[7] ^= load(padded + 8);
    for (; message.len - done > BLOCK; done += BLOCK)
        compress(h, (const uint8_t *)message.at + done, done + BLOCK, false);
    memset(block, 0, sizeof(block));
    if (message.len > done)
        memcpy(block, message.at + done, message.len - done);
    compress(h, block, message.len, true);
    explicit_bzero(block, sizeof(block));
    for (int i = 0; i < DIGEST_SIZE / 8; i++) {
        uint64_t word = htole64(h[i]);
        memcpy(digest + 8 * i, &word, sizeof(word));
    }
}
