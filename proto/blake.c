/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7693, for messages of one block.  The compiler makes of the lanes what the processor has: the
 * widest vectors are chosen when the program is loaded. */
#include "blake.h"

#include <endian.h>
#include <sodium.h>

enum { ROUNDS = 12, WORDS = BLAKE_BLOCK / 8 };

typedef uint64_t lanes __attribute__((vector_size(8 * BLAKE_LANES)));

/* The choice is made before a thread sanitizer is ready for its own calls. */
#if defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(thread_sanitizer)
#else
#define SANITIZED 0
#endif
#if defined(__x86_64__) && defined(__gnu_linux__) && !SANITIZED
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

static const uint64_t iv[8] = {
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

static const uint8_t sigma[ROUNDS][WORDS] = {
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
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
};

/* One word of each lane. */
union word {
    lanes all;
    uint64_t of[BLAKE_LANES];
};

/* A little-endian word of which only `len` bytes are there. */
static uint64_t load(const char *at, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, at, len);
    return le64toh(word);
}

/* The message's bytes into its lane; the words behind it stay zero. */
static void spread(union word m[WORDS], size_t lane, struct slice message)
{
    size_t whole = message.len / 8, rest = message.len % 8;

    for (size_t i = 0; i < whole; i++)
        m[i].of[lane] = load(message.at + 8 * i, 8);
    if (rest > 0)
        m[whole].of[lane] = load(message.at + 8 * whole, rest);
}

/* Macros, so that each clone below holds them. */
#define ROTATE(x, bits) ((x) >> (bits) | (x) << (64 - (bits)))
#define MIX(a, b, c, d, x, y)                                               \
    do {                                                                    \
        v[a] += v[b] + m[x].all;  v[d] = ROTATE(v[d] ^ v[a], 32);           \
        v[c] += v[d];             v[b] = ROTATE(v[b] ^ v[c], 24);           \
        v[a] += v[b] + m[y].all;  v[d] = ROTATE(v[d] ^ v[a], 16);           \
        v[c] += v[d];             v[b] = ROTATE(v[b] ^ v[c], 63);           \
    } while (0)

/* The first block, which is the last: from the state `h` to the digests. */
WIDEST static void compress(const uint64_t h[8], const union word m[WORDS],
                            const union word *len, union word digest[DIGEST_SIZE / 8])
{
    lanes v[16];

    for (int i = 0; i < 8; i++) {
        v[i] = (lanes){ 0 } + h[i];
        v[i + 8] = (lanes){ 0 } + iv[i];
    }
    v[12] ^= len->all;
    v[14] = ~v[14];
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *s = sigma[round];
        MIX(0, 4, 8, 12, s[0], s[1]);
        MIX(1, 5, 9, 13, s[2], s[3]);
        MIX(2, 6, 10, 14, s[4], s[5]);
        MIX(3, 7, 11, 15, s[6], s[7]);
        MIX(0, 5, 10, 15, s[8], s[9]);
        MIX(1, 6, 11, 12, s[10], s[11]);
        MIX(2, 7, 8, 13, s[12], s[13]);
        MIX(3, 4, 9, 14, s[14], s[15]);
    }
    for (int i = 0; i < DIGEST_SIZE / 8; i++)
        digest[i].all = h[i] ^ v[i] ^ v[i + 8];
}

/* The parameters: digest length, no key, fanout and depth 1, no salt, the personalisation. */
static void start(uint64_t h[8], const char personal[BLAKE_PERSONAL])
{
    memcpy(h, iv, sizeof(iv));
    h[0] ^= UINT64_C(0x01010000) ^ DIGEST_SIZE;
    h[6] ^= load(personal, 8);
    h[7] ^= load(personal + 8, 8);
}

void blake_hash(const struct slice *message, size_t count, const char personal[BLAKE_PERSONAL],
                uint8_t *const digest[])
{
    union word m[WORDS] = { 0 }, len = { 0 }, out[DIGEST_SIZE / 8];
    uint64_t h[8];

    start(h, personal);
    for (size_t lane = 0; lane < count; lane++) {
        spread(m, lane, message[lane]);
        len.of[lane] = message[lane].len;
    }
    compress(h, m, &len, out);
    for (size_t lane = 0; lane < count; lane++) {
        for (size_t i = 0; i < DIGEST_SIZE / 8; i++) {
            uint64_t word = htole64(out[i].of[lane]);
            memcpy(digest[lane] + 8 * i, &word, sizeof(word));
        }
    }
    sodium_memzero(m, sizeof(m));
}
