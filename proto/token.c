/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/token.h"

#include <sodium.h>

#include "proto/blake.h"

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The personalisation is one whole block parameter: 16 bytes, the literal padded with NULs. */
static const char personal[crypto_generichash_blake2b_PERSONALBYTES] = TOKEN_PERSONAL;

/* Compute the CRC-32 as zlib does (reflected, polynomial EDB88320).  The effect of a byte is the
 * exclusive or of the effects of its halves, so two small tables replace the usual one of 256. */
static uint32_t crc32_of(const char *bytes, size_t len)
{
    static const uint32_t low[16] = {
        0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f,
        0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988,
        0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91,
    };
    static const uint32_t high[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        crc = crc >> 8 ^ low[crc & 15] ^ high[crc >> 4 & 15];
    }
    return ~crc;
}

static void check_digits(const char *bytes, size_t len, char check[VALUE_CHECK])
{
    uint32_t crc = crc32_of(bytes, len);

    for (int i = VALUE_CHECK - 1; i >= 0; i--) {
        check[i] = base62[crc % 62];
        crc /= 62;
    }
}

static bool is_base62(struct slice text)
{
    static const bool digit[256] = {
        ['0' ... '9'] = true,
        ['A' ... 'Z'] = true,
        ['a' ... 'z'] = true,
    };
    bool all = true;

    for (size_t i = 0; i < text.len; i++)
        all &= digit[(unsigned char)text.at[i]];
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
        } else if (c != '-' && c != '_' && c != '=' && !is_base62((struct slice){ &c, 1 })) {
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
