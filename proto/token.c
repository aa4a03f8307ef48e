/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/token.h"

#include <sodium.h>

#include "proto/blake.h"
#include "proto/crc.h"

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The personalisation is one whole block parameter: 16 bytes, the literal padded with NULs. */
static const char personal[crypto_generichash_blake2b_PERSONALBYTES] = TOKEN_PERSONAL;

static void three_digits(uint32_t number, char digits[3])
{
    digits[0] = base62[number / 62 / 62];
    digits[1] = base62[number / 62 % 62];
    digits[2] = base62[number % 62];
}

/* The two halves do not wait for each other. */
static void check_digits(const char *bytes, size_t len, char check[VALUE_CHECK])
{
    const uint32_t half = 62 * 62 * 62;
    uint32_t crc = crc_of((struct slice){ bytes, len });

    _Static_assert(VALUE_CHECK == 6, "a CRC has six digits");
    three_digits(crc / half, check);
    three_digits(crc % half, check + 3);
}

static inline bool is_digit62(char c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 26;
}

/* Sixteen characters at a time; all of them, wherever a wrong one is. */
static bool is_base62(struct slice text)
{
    typedef uint8_t wide __attribute__((vector_size(16)));
    wide some, right = ~(wide){ 0 };
    uint64_t half[2];
    size_t at = 0;

    for (; text.len - at >= sizeof(some); at += sizeof(some)) {
        memcpy(&some, text.at + at, sizeof(some));
        right &= (wide)(some - '0' < 10) | (wide)((some | 0x20) - 'a' < 26);
    }
    memcpy(half, &right, sizeof(half));
    bool all = (half[0] & half[1]) == UINT64_MAX;
    for (; at < text.len; at++)
        all &= is_digit62(text.at[at]);
    return all;
}

static bool is_hex(struct slice text)
{
    uint8_t id[ID_SIZE];

    return token_id_parse(text, id);
}

enum token_form token_form_quick(struct slice presented)
{
    if (presented.len == ID_TEXT && is_hex(presented))
        return TOKEN_ID;
    if (presented.len < VALUE_MIN || presented.len > VALUE_MAX)
        return TOKEN_BAD_LENGTH;
    return TOKEN_FOREIGN;
}

enum token_form token_form(struct slice presented, const char *prefix)
{
    enum token_form quick = token_form_quick(presented);
    size_t head = strlen(prefix) + 1;
    char check[VALUE_CHECK];

    if (quick != TOKEN_FOREIGN)
        return quick;
    if (!slice_begins(presented, prefix) || presented.at[head - 1] != '_')
        return TOKEN_FOREIGN;
    if (presented.len != head + VALUE_RANDOM + VALUE_CHECK ||
        !is_base62((struct slice){ presented.at + head, presented.len - head }))
        return TOKEN_BAD_CHECK;
    check_digits(presented.at, presented.len - VALUE_CHECK, check);
    if (memcmp(check, presented.at + presented.len - VALUE_CHECK, VALUE_CHECK) != 0)
        return TOKEN_BAD_CHECK;
    return TOKEN_OURS;
}

bool token_printable(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < 0x20 || value.at[i] > 0x7e)
            return false;
    return true;
}

/* Bytes that were drawn and not used yet, as each call of randombytes_buf() is a system call. */
struct drawn {
    uint8_t bytes[1024];
    size_t used;
    size_t len;
};

/* Add random characters, for which so many more will follow.  A byte below 248 = 4 * 62 makes every
 * character equally likely; others are skipped, about one in 32. */
static void add_random(struct text *value, size_t count, struct drawn *d, size_t more)
{
    while (count > 0) {
        if (d->used == d->len) {
            size_t needed = count + more + (count + more) / 16 + 1;
            d->len = needed < sizeof(d->bytes) ? needed : sizeof(d->bytes);
            d->used = 0;
            randombytes_buf(d->bytes, d->len);
        }
        uint8_t byte = d->bytes[d->used++];
        if (byte >= 248)
            continue;
        text_addc(value, base62[byte % 62]);
        count--;
    }
}

void token_generate(struct text *const value[], size_t count, const char *prefix)
{
    struct drawn drawn;
    char check[VALUE_CHECK];

    drawn.used = drawn.len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = value[i]->len;
        text_adds(value[i], prefix);
        text_addc(value[i], '_');
        add_random(value[i], VALUE_RANDOM, &drawn, (count - i - 1) * VALUE_RANDOM);
        check_digits(value[i]->at + begin, value[i]->len - begin, check);
        text_add(value[i], check, sizeof(check));
    }
    sodium_memzero(&drawn, sizeof(drawn));
}

/* Count the values at the front that can be hashed together by blake_hash(). */
static size_t count_short(const struct slice *value, size_t count)
{
    size_t together = 0;

    while (together < BLAKE_LANES && together < count && value[together].len <= BLAKE_BLOCK)
        together++;
    return together;
}

void token_digests(const struct slice *value, size_t count, uint8_t *const digest[])
{
    size_t together;

    for (size_t done = 0; done < count; done += together) {
        together = count_short(value + done, count - done);
        if (together > 0 && blake_quick()) {
            blake_hash(value + done, together, personal, digest + done);
            continue;
        }
        together = 1;
        crypto_generichash_blake2b_salt_personal(digest[done], DIGEST_SIZE,
                                                 (const uint8_t *)value[done].at, value[done].len,
                                                 NULL, 0, NULL, (const uint8_t *)personal);
    }
}

void token_digest(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    token_digests(&value, 1, &digest);
}

void token_sha256(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    _Static_assert(crypto_hash_sha256_BYTES == DIGEST_SIZE, "both digests have one size");
    crypto_hash_sha256(digest, (const uint8_t *)value.at, value.len);
}

/* Hash the parts, one after the other, with another personalisation than that of values. */
static void name_digest(const char *personalisation, const struct slice part[], size_t parts,
                        uint8_t digest[DIGEST_SIZE])
{
    uint8_t padded[crypto_generichash_blake2b_PERSONALBYTES] = { 0 };
    crypto_generichash_blake2b_state state;

    memcpy(padded, personalisation, strlen(personalisation));
    crypto_generichash_blake2b_init_salt_personal(&state, NULL, 0, DIGEST_SIZE, NULL, padded);
    for (size_t i = 0; i < parts; i++)
        crypto_generichash_blake2b_update(&state, (const uint8_t *)part[i].at, part[i].len);
    crypto_generichash_blake2b_final(&state, digest, DIGEST_SIZE);
    sodium_memzero(&state, sizeof(state));
}

/* Find where the signature of a compact JWS begins, behind its second dot; 0: it is none. */
static size_t signature_at(struct slice value)
{
    size_t dots = 0, at = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '.') {
            dots++;
            at = i + 1;
        } else if (c != '-' && c != '_' && c != '=' && !is_digit62(c)) {
            return 0;
        }
    }
    return dots == 2 ? at : 0;
}

bool token_signed_digest(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    size_t signature = value.len > TOKEN_VALUE_MAX ? signature_at(value) : 0;

    if (signature == 0)
        return false;
    name_digest(SIGNED_PERSONAL, &(struct slice){ value.at, signature - 1 }, 1, digest);
    return true;
}

void token_issued_digest(struct slice issuer, struct slice id, uint8_t digest[DIGEST_SIZE])
{
    const struct slice parts[] = { issuer, { "", 1 }, id };

    name_digest(ISSUED_PERSONAL, parts, 3, digest);
}

bool token_id_parse(struct slice text, uint8_t id[ID_SIZE])
{
    return hex_parse(text, id, ID_SIZE);
}

bool token_prefix_valid(struct slice prefix)
{
    for (size_t i = 0; i < prefix.len; i++)
        if (!((prefix.at[i] >= 'a' && prefix.at[i] <= 'z') ||
              (prefix.at[i] >= '0' && prefix.at[i] <= '9')))
            return false;
    return prefix.len >= 1 && prefix.len <= PREFIX_MAX;
}
