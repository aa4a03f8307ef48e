/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/crc.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The effect of a byte is the exclusive or of the effects of its halves, so two small tables, of a cache
 * line each, replace the usual one of 256. */
static uint32_t crc_bytewise(struct slice bytes)
{
    static const _Alignas(64) uint32_t low[16] = {
        0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f,
        0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988,
        0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91,
    };
    static const _Alignas(64) uint32_t high[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.at[i];
        crc = crc >> 8 ^ low[crc & 15] ^ high[crc >> 4 & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

enum { WIDE = 16 };

/* Bytes 0 to 15, behind as many that select none; and the initial value, which is exclusive-or'ed to the first four
 * bytes.  From `n` on, both are for bytes whose first n end a vector. */
static const uint8_t behind[2 * WIDE] = {
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
};
static const uint8_t initial[3 * WIDE] = { [WIDE] = 0xff, 0xff, 0xff, 0xff };

static inline __m128i load(const void *from)
{
    return _mm_loadu_si128(from);
}

/* Reduce at least 16 bytes by multiplications without carries (V. Gopal and others, Fast CRC Computation for
 * Generic Polynomials Using PCLMULQDQ Instruction, Intel 2009).  The constants are powers of x modulo the
 * polynomial, then it and its reciprocal, all of them reflected.  The first vector has what the others leave, behind
 * zeros, which change nothing.  The bytes are in registers alone, which nobody has to wipe. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t crc_at_once(struct slice bytes)
{
    const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    const __m128i by_32 = _mm_set_epi64x(0, 0x163cd6124);
    const __m128i division = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i word = _mm_set_epi32(0, 0, 0, -1);
    size_t first = (bytes.len - 1) % WIDE + 1;
    __m128i sum = _mm_shuffle_epi8(load(bytes.at), load(behind + first)) ^ load(initial + first);
    __m128i start = load(initial + WIDE + first);

    for (size_t at = first; at < bytes.len; at += WIDE) {
        sum = _mm_clmulepi64_si128(sum, by_128, 0x00) ^ _mm_clmulepi64_si128(sum, by_128, 0x11) ^
              load(bytes.at + at) ^ start;
        start = _mm_setzero_si128();
    }
    sum = _mm_clmulepi64_si128(sum, by_128, 0x10) ^ _mm_srli_si128(sum, 8);
    sum = _mm_clmulepi64_si128(sum & word, by_32, 0x00) ^ _mm_srli_si128(sum, 4);
    __m128i quotient = _mm_clmulepi64_si128(sum & word, division, 0x10);
    sum ^= _mm_clmulepi64_si128(quotient & word, division, 0x00);
    return ~(uint32_t)_mm_extract_epi32(sum, 1);
}

uint32_t crc_of(struct slice bytes)
{
    if (bytes.len >= WIDE && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
        return crc_at_once(bytes);
    return crc_bytewise(bytes);
}

#else

uint32_t crc_of(struct slice bytes)
{
    return crc_bytewise(bytes);
}

#endif
