/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import_fields.h"

#include <sodium.h>
#include <stdio.h>

#include "proto/line.h"
#include "proto/stamp.h"
#include "proto/token.h"

static enum import_converted refuse(struct import_converter *c, const char *why)
{
    c->why = why;
    return IMPORT_REFUSED;
}

enum import_converted import_fields_unjudged(struct import_converter *c, const char *scheme)
{
    size_t i = 0;

    while (i < c->schemes && strcmp(c->scheme[i].name, scheme) != 0)
        i++;
    if (i == IMPORT_SCHEMES_MAX)
        i--;
    if (i == c->schemes)
        c->scheme[c->schemes++].name = scheme;
    c->scheme[i].count++;
    c->why = scheme;
    return IMPORT_UNJUDGED;
}

bool import_fields_digest(struct slice text, uint8_t digest[DIGEST_SIZE])
{
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL,
        sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    };
    size_t size;

    if (text.len == 2 * DIGEST_SIZE)
        return hex_parse(text, digest, DIGEST_SIZE);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
        if (sodium_base642bin(digest, DIGEST_SIZE, text.at, text.len, NULL, &size, NULL,
                              variants[i]) == 0 &&
            size == DIGEST_SIZE)
            return true;
    return false;
}

/* Read seconds since 1970, or milliseconds if there are so many digits. */
static bool read_seconds(struct slice text, int64_t *time)
{
    uint64_t number;

    if (!number_parse(text, UINT64_MAX / 2, &number))
        return false;
    *time = (int64_t)(number >= UINT64_C(100000000000) ? number / 1000 : number);
    return *time <= STAMP_MAX;
}

/* Read a time in UTC: of RFC 3339, as databases write it, or a date, which is its first second. */
static bool read_time(struct slice text, int64_t *time)
{
    char bytes[] = "0000-00-00T00:00:00Z";
    const size_t date = 10, whole = sizeof(bytes) - 2;
    size_t at = text.len < whole ? date : whole;
    static const char *const utc[] = { "", "Z", " UTC", "+00", "+00:00", " +0000", "+0000" };

    if (text.len < date || (text.len > date && text.len < whole))
        return read_seconds(text, time);
    memcpy(bytes, text.at, at);
    if (at == whole && bytes[date] == ' ')
        bytes[date] = 'T';
    if (!stamp_parse((struct slice){ bytes, sizeof(bytes) - 1 }, time))
        return read_seconds(text, time);
    if (at < text.len && text.at[at] == '.')
        for (at++; at < text.len && text.at[at] >= '0' && text.at[at] <= '9';)
            at++;
    for (size_t i = 0; i < sizeof(utc) / sizeof(utc[0]); i++)
        if (slice_is((struct slice){ text.at + at, text.len - at }, utc[i]))
            return true;
    return false;
}

static bool put_time(struct text *t, const char *key, struct slice value)
{
    int64_t time;

    if (value.len == 0)
        return true;
    if (slice_is(value, "never")) {
        line_puts(t, key, "never");
        return true;
    }
    bool ok = read_time(value, &time);
    if (ok)
        line_put_time(t, key, time);
    return ok;
}

/* Write the words between spaces, commas and the signs of lists in YAML, JSON and PostgreSQL. */
static void put_scopes(struct text *t, struct slice value)
{
    static const char between[] = " \t\n\r,;[]{}\"'|";
    const char *head = " scopes=";

    for (size_t at = 0, len; at < value.len; at += len + 1) {
        for (len = 0; at + len < value.len && strchr(between, value.at[at + len]) == NULL;)
            len++;
        struct slice word = { value.at + at, len };
        if (len > 1 && word.at[0] == ':') /* a symbol of Ruby */
            word = (struct slice){ word.at + 1, len - 1 };
        if (word.len == 0 || slice_is(word, "-") || slice_is(word, "---"))
            continue;
        text_adds(t, head);
        text_add(t, word.at, word.len);
        head = ",";
    }
}

static bool is_true(struct slice value)
{
    return slice_is(value, "t") || slice_is(value, "true") || slice_is(value, "1") ||
           slice_is(value, "TRUE") || slice_is(value, "True");
}

static bool is_false(struct slice value)
{
    return value.len == 0 || slice_is(value, "f") || slice_is(value, "false") ||
           slice_is(value, "0") || slice_is(value, "FALSE") || slice_is(value, "False");
}

static const char *put_claims(struct text *t, const struct slice value[IMPORT_FIELDS])
{
    static const struct {
        enum import_field field;
        const char *key;
        const char *fault;
    } times[] = {
        { IMPORT_CREATED, "created", "the time of creation is none in UTC" },
        { IMPORT_ACTIVATES, "activates", "the time of activation is none in UTC" },
        { IMPORT_EXPIRES, "expires", "the time of expiry is none in UTC" },
        { IMPORT_USED, "used", "the time of the last use is none in UTC" },
    };

    if (value[IMPORT_SUBJECT].len > 0)
        line_put(t, "subject", value[IMPORT_SUBJECT]);
    if (value[IMPORT_DESCRIPTION].len > 0)
        line_put(t, "description", value[IMPORT_DESCRIPTION]);
    put_scopes(t, value[IMPORT_SCOPES]);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (!put_time(t, times[i].key, value[times[i].field]))
            return times[i].fault;
    if (value[IMPORT_STATE].len > 0)
        line_put(t, "state", value[IMPORT_STATE]);
    else if (is_true(value[IMPORT_REVOKED]))
        line_puts(t, "state", "revoked");
    else if (!is_false(value[IMPORT_REVOKED]))
        return "revoked is neither true nor false";
    return NULL;
}

enum import_converted import_fields_write(struct import_converter *c,
                                          const struct slice value[IMPORT_FIELDS])
{
    uint8_t digest[DIGEST_SIZE];

    if (value[IMPORT_VALUE].len == 0 && value[IMPORT_SHA256].len == 0)
        return value[IMPORT_SALTED].len > 0 ?
                   import_fields_unjudged(c, "SHA-256 with GitLab's secret") :
                   refuse(c, "it has neither a value nor a SHA-256 digest");
    cli_buffer_clear(&c->out);
    struct text t = cli_buffer_reserve(&c->out, 2 * LINE_MAX_BYTES);
    if (value[IMPORT_VALUE].len > 0) { /* which shows more than a digest */
        line_put(&t, "token", value[IMPORT_VALUE]);
    } else if (import_fields_digest(value[IMPORT_SHA256], digest)) {
        text_adds(&t, " digest=");
        text_add_hex(&t, digest, DIGEST_SIZE);
        line_puts(&t, "digest_alg", DIGEST_ALG_NAME_SHA256);
    } else {
        return refuse(c, "its digest is no SHA-256 in 64 hex digits or in base64");
    }
    const char *fault = put_claims(&t, value);
    cli_buffer_commit(&c->out, &t);
    if (fault == NULL && t.cut)
        fault = "the line is too long";
    return fault != NULL ? refuse(c, fault) : IMPORT_LINE;
}
