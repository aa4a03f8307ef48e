/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/text.h"

#include <stdarg.h>
#include <stdio.h>

#define TEN(d) d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9"
/* clang-format off */
static const char pair[] =
    TEN("0") TEN("1") TEN("2") TEN("3") TEN("4") TEN("5") TEN("6") TEN("7") TEN("8") TEN("9");
/* clang-format on */

void pair_write(char digits[2], unsigned number)
{
    memcpy(digits, pair + 2 * number, 2);
}

void text_add_u64(struct text *t, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    for (; number >= 10; number /= 100)
        pair_write(digits + (at -= 2), (unsigned)(number % 100));
    if (number > 0 || at == sizeof(digits))
        digits[--at] = (char)('0' + number);
    text_add(t, digits + at, sizeof(digits) - at);
}

/* Hex digits are converted sixteen at a time. */
typedef uint8_t wide __attribute__((vector_size(16)));
typedef uint16_t pairs __attribute__((vector_size(16)));
typedef uint8_t half __attribute__((vector_size(8)));

static inline void write_wide(char *digits, const uint8_t *bytes)
{
    half eight;

    memcpy(&eight, bytes, sizeof(eight));
    pairs both = __builtin_convertvector(eight, pairs);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    both = both >> 4 | (both & 15) << 8; /* the first digit is the low byte, or the high one */
#else
    both = both >> 4 << 8 | (both & 15);
#endif
    wide value = (wide)both;
    value += '0' + ((wide)(value > 9) & ('a' - '0' - 10));
    memcpy(digits, &value, sizeof(value));
}

void text_add_hex(struct text *t, const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t i = 0;

    if (t->cut || 2 * len > t->cap - t->len) {
        t->cut = true;
        return;
    }
    char *to = t->at + t->len;
    for (; len - i >= sizeof(half); i += sizeof(half))
        write_wide(to + 2 * i, bytes + i);
    if (i > 0 && i < len) { /* again some of those before them */
        write_wide(to + 2 * (len - sizeof(half)), bytes + len - sizeof(half));
        i = len;
    }
    for (; i < len; i++) {
        to[2 * i] = hex[bytes[i] >> 4];
        to[2 * i + 1] = hex[bytes[i] & 15];
    }
    t->len += 2 * len;
}

void text_addf(struct text *t, const char *format, ...)
{
    char made[1024];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(made, sizeof(made), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(made))
        t->cut = true;
    else
        text_add(t, made, (size_t)len);
}

/* A table of hex digits: faster than branches, which random digits make unpredictable. */
enum { IS_HEX = 0x10 };

#define HEX(digit, value) [digit] = IS_HEX | (value)

static const uint8_t hex_digit[256] = {
    HEX('0', 0),  HEX('1', 1),  HEX('2', 2),  HEX('3', 3),  HEX('4', 4),  HEX('5', 5),
    HEX('6', 6),  HEX('7', 7),  HEX('8', 8),  HEX('9', 9),  HEX('a', 10), HEX('b', 11),
    HEX('c', 12), HEX('d', 13), HEX('e', 14), HEX('f', 15), HEX('A', 10), HEX('B', 11),
    HEX('C', 12), HEX('D', 13), HEX('E', 14), HEX('F', 15),
};

/* Decode sixteen digits; false if one of them is none. */
static inline bool parse_wide(const char *digits, uint8_t *bytes)
{
    wide c;

    memcpy(&c, digits, sizeof(c));
    wide small = c | 0x20;
    wide is_digit = (wide)(c - '0' < 10), is_letter = (wide)(small - 'a' < 6);
    wide value = (c & 15) + (is_letter & 9);
    pairs both = (pairs)value; /* the first digit is the low byte, or the high one */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    both = both << 4 | both >> 8;
#else
    both = both >> 4 | both;
#endif
    half made = __builtin_convertvector(both, half);
    memcpy(bytes, &made, sizeof(made));
    uint64_t bad[2];
    wide neither = ~(is_digit | is_letter);
    memcpy(bad, &neither, sizeof(bad));
    return (bad[0] | bad[1]) == 0;
}

bool hex_parse(struct slice digits, uint8_t *bytes, size_t len)
{
    uint8_t valid = IS_HEX;
    size_t i = 0;

    if (digits.len != 2 * len)
        return false;
    for (; len - i >= sizeof(half); i += sizeof(half))
        if (!parse_wide(digits.at + 2 * i, bytes + i))
            valid = 0;
    for (; i < len; i++) {
        uint8_t high = hex_digit[(uint8_t)digits.at[2 * i]];
        uint8_t low = hex_digit[(uint8_t)digits.at[2 * i + 1]];
        bytes[i] = (uint8_t)(high << 4 | (low & 15));
        valid &= high & low;
    }
    return valid != 0;
}

bool number_parse(struct slice digits, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;

    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned d = (unsigned)(unsigned char)digits.at[i] - '0';
        if (d > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, d, &n) ||
            n > max)
            return false;
    }
    *number = n;
    return true;
}

bool size_parse(struct slice text, uint64_t max, uint64_t *bytes)
{
    static const char units[] = "KMG";
    const char *unit = text.len > 0 ? memchr(units, text.at[text.len - 1], 3) : NULL;
    const unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;

    text.len -= unit != NULL;
    if (!number_parse(text, max >> shift, bytes))
        return false;
    *bytes <<= shift;
    return true;
}

/* Check the second byte against the range that the lead byte gives (Unicode, table 3-7); the lead
 * byte also gives the length. */
size_t utf8_length(const char *at, size_t left)
{
    const uint8_t *s = (const uint8_t *)at;
    size_t len;
    uint8_t low = 0x80, high = 0xbf;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        len = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        len = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (left < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Count the ASCII bytes at the front; some of the last seven may be left out. */
static size_t ascii_front(struct slice bytes)
{
    uint64_t eight;
    size_t at = 0;

    for (; bytes.len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, bytes.at + at, sizeof(eight));
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return at;
}

bool utf8_valid(struct slice bytes)
{
    for (size_t at = ascii_front(bytes), len; at < bytes.len; at += len) {
        len = (uint8_t)bytes.at[at] < 0x80 ? 1 : utf8_length(bytes.at + at, bytes.len - at);
        if (len == 0)
            return false;
    }
    return true;
}
