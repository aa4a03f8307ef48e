/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b (RFC 7693) for messages of one block.  Written with the compiler's vector types, which
 * become the processor's vector instructions.  Only for little-endian processors: the words of a
 * message are little-endian, too. */
#include "proto/blake.h"

#include <sodium.h>

enum {
    ROUNDS = 12,
    WORDS = BLAKE_BLOCK / 8,
    LANES_MIN = 3, /* fewer are faster one by one */
};

/* Clones of a function, one for each kind of processor; which one is called is resolved when the
 * program is loaded.  The thread sanitizer does not work that early, so it gets no clones. */
#if defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(thread_sanitizer)
#else
#define SANITIZED 0
#endif
#if defined(__x86_64__) && defined(__gnu_linux__) && !SANITIZED
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#define HAS(feature) __builtin_cpu_supports(feature)
#else
#define CLONES
#define HAS(feature) false
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

/* Load a word from `len` bytes, at most 8; the others are 0. */
static uint64_t load(const char *at, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, at, len);
    return word;
}

/* Make the initial state from the parameters: digest length, no key, fanout and depth 1, no salt,
 * the personalisation. */
static void start(uint64_t h[8], const char personal[BLAKE_PERSONAL])
{
    memcpy(h, iv, sizeof(iv));
    h[0] ^= UINT64_C(0x01010000) ^ DIGEST_SIZE;
    h[6] ^= load(personal, 8);
    h[7] ^= load(personal + 8, 8);
}

/* Macros from here on, so that they are compiled into each clone. */
#define ROTATE(x, bits) ((x) >> (bits) | (x) << (64 - (bits)))

/* -- one message: a vector for each row of its state ------------------------------------------ */

typedef uint64_t row __attribute__((vector_size(32)));
typedef uint8_t row_bytes __attribute__((vector_size(32)));

/* clang-format off */
#define ROTATE_WORDS(x, by)                                                                 \
    __builtin_shufflevector(x, x, (by) % 4, ((by) + 1) % 4, ((by) + 2) % 4, ((by) + 3) % 4)
/* Rotate by whole bytes: one instruction that permutes them, where shifts take three. */
#define BYTES(at, by)                                                                       \
    (at) + (by) % 8, (at) + ((by) + 1) % 8, (at) + ((by) + 2) % 8, (at) + ((by) + 3) % 8,   \
    (at) + ((by) + 4) % 8, (at) + ((by) + 5) % 8, (at) + ((by) + 6) % 8, (at) + ((by) + 7) % 8
#define ROTATE_BYTES(x, by)                                                                 \
    (row)__builtin_shufflevector((row_bytes)(x), (row_bytes)(x), BYTES(0, by), BYTES(8, by), \
                                 BYTES(16, by), BYTES(24, by))
#define PICK(x0, x1, x2, x3) ((row){ m[s[x0]], m[s[x1]], m[s[x2]], m[s[x3]] })
/* Each step waits for b, so a and d are prepared meanwhile. */
#define MIX_ROWS(x, y)                                                      \
    do {                                                                    \
        a += x;  a += b;  d = ROTATE_BYTES(d ^ a, 4);                       \
        c += d;           b = ROTATE_BYTES(b ^ c, 3);                       \
        a += y;  a += b;  d = ROTATE_BYTES(d ^ a, 2);                       \
        c += d;           b = ROTATE(b ^ c, 63);                            \
    } while (0)
/* clang-format on */

/* Compress the only block into the digest. */
CLONES static void compress_rows(const uint64_t h[8], const uint64_t m[WORDS], uint64_t len,
                                 uint8_t digest[DIGEST_SIZE])
{
    row a, b, c, d, first;

    memcpy(&a, h, sizeof(a));
    memcpy(&b, h + 4, sizeof(b));
    memcpy(&c, iv, sizeof(c));
    memcpy(&d, iv + 4, sizeof(d));
    first = a;
    d ^= (row){ len, 0, UINT64_MAX, 0 };
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *s = sigma[round];
        MIX_ROWS(PICK(0, 2, 4, 6), PICK(1, 3, 5, 7));
        a = ROTATE_WORDS(a, 3);
        c = ROTATE_WORDS(c, 1);
        d = ROTATE_WORDS(d, 2);
        MIX_ROWS(PICK(14, 8, 10, 12), PICK(15, 9, 11, 13));
        a = ROTATE_WORDS(a, 1);
        c = ROTATE_WORDS(c, 3);
        d = ROTATE_WORDS(d, 2);
    }
    a ^= first ^ c;
    memcpy(digest, &a, DIGEST_SIZE);
}

/* Hash one message. */
static void hash_rows(const uint64_t h[8], struct slice message, uint8_t digest[DIGEST_SIZE])
{
    uint64_t m[WORDS] = { 0 };

    if (message.len > 0)
        memcpy(m, message.at, message.len);
    compress_rows(h, m, message.len, digest);
    sodium_memzero(m, sizeof(m));
}

/* -- several messages: a lane of every vector for each ---------------------------------------- */

typedef uint64_t lanes __attribute__((vector_size(8 * BLAKE_LANES)));

/* One word of each lane. */
union word {
    lanes all;
    uint64_t of[BLAKE_LANES];
};

/* Copy a message into its lane; the words after it stay zero. */
static void spread(union word m[WORDS], size_t lane, struct slice message)
{
    size_t whole = message.len / 8, rest = message.len % 8;

    for (size_t i = 0; i < whole; i++)
        m[i].of[lane] = load(message.at + 8 * i, 8);
    if (rest > 0)
        m[whole].of[lane] = load(message.at + 8 * whole, rest);
}

/* clang-format off */
#define MIX_LANES(a, b, c, d, x, y)                                         \
    do {                                                                    \
        v[a] += v[b] + m[x].all;  v[d] = ROTATE(v[d] ^ v[a], 32);           \
        v[c] += v[d];             v[b] = ROTATE(v[b] ^ v[c], 24);           \
        v[a] += v[b] + m[y].all;  v[d] = ROTATE(v[d] ^ v[a], 16);           \
        v[c] += v[d];             v[b] = ROTATE(v[b] ^ v[c], 63);           \
    } while (0)
/* clang-format on */

/* Do the same for all lanes at once. */
CLONES static void compress_lanes(const uint64_t h[8], const union word m[WORDS],
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
        MIX_LANES(0, 4, 8, 12, s[0], s[1]);
        MIX_LANES(1, 5, 9, 13, s[2], s[3]);
        MIX_LANES(2, 6, 10, 14, s[4], s[5]);
        MIX_LANES(3, 7, 11, 15, s[6], s[7]);
        MIX_LANES(0, 5, 10, 15, s[8], s[9]);
        MIX_LANES(1, 6, 11, 12, s[10], s[11]);
        MIX_LANES(2, 7, 8, 13, s[12], s[13]);
        MIX_LANES(3, 4, 9, 14, s[14], s[15]);
    }
    for (int i = 0; i < DIGEST_SIZE / 8; i++)
        digest[i].all = h[i] ^ v[i] ^ v[i + 8];
}

/* Hash at most BLAKE_LANES messages. */
static void hash_lanes(const uint64_t h[8], const struct slice *message, size_t count,
                       uint8_t *const digest[])
{
    union word m[WORDS] = { 0 }, len = { 0 }, out[DIGEST_SIZE / 8];

    for (size_t lane = 0; lane < count; lane++) {
        spread(m, lane, message[lane]);
        len.of[lane] = message[lane].len;
    }
    compress_lanes(h, m, &len, out);
    for (size_t lane = 0; lane < count; lane++) {
        for (size_t i = 0; i < DIGEST_SIZE / 8; i++)
            memcpy(digest[lane] + 8 * i, &out[i].of[lane], 8);
    }
    sodium_memzero(m, sizeof(m));
}

/* -- which of them ---------------------------------------------------------------------------- */

bool blake_quick(void)
{
    return HAS("avx2");
}

/* Use lanes only where a vector holds all of them, with AVX-512: only there are they faster.
 * (Processors with AVX512VL have the rest of x86-64-v4; clang 14 takes the clone for AVX2 even
 * so.) */
void blake_hash(const struct slice *message, size_t count, const char personal[BLAKE_PERSONAL],
                uint8_t *const digest[])
{
    uint64_t h[8];

    start(h, personal);
    if (count >= LANES_MIN && HAS("avx512vl"))
        hash_lanes(h, message, count, digest);
    else
        for (size_t i = 0; i < count; i++)
            hash_rows(h, message[i], digest[i]);
}
