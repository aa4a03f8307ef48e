/* SPDX-License-Identifier: Apache-2.0 */
/* The values of all benchmarks, by number: valid, and the same in each process. */
#ifndef JETON_BENCH_VALUES_H
#define JETON_BENCH_VALUES_H

#include <stdint.h>
#include <string.h>

enum { VALUE_LEN = 53 };

/* Mix the bits of a number (splitmix64). */
static inline uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline uint32_t value_crc(const char *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & -(crc & 1));
    }
    return ~crc;
}

/* Make "jtn_", 43 characters and 6 digits of checksum. */
static inline void make_value(uint64_t number, char value[VALUE_LEN])
{
    static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t bits = 0;

    memcpy(value, "jtn_", 4);
    for (unsigned i = 0; i < 43; i++, bits /= 62) {
        if (i % 10 == 0)
            bits = mix(number << 3 | i / 10);
        value[4 + i] = base62[bits % 62];
    }
    uint32_t crc = value_crc(value, 47);
    for (int i = VALUE_LEN - 1; i >= 47; i--, crc /= 62)
        value[i] = base62[crc % 62];
}

/* The claims of the token with this number, in the syntax of import. */
#define CLAIM_SUBJECT "svc-%04u"
#define CLAIM_SCOPES(number) ((number) % 3 == 0 ? "deploy,read" : "repo:read,repo:write")

#endif
