/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/http/credentials.h"

#include <sodium.h>

#include "plugin/http/head.h"

/* -- what is accepted ------------------------------------------------------------------------- */

static bool is_reserved(struct slice name)
{
    static const char *const reserved[] = { "Authorization", "Connection", "Content-Length", "Host",
                                            "Transfer-Encoding" };

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (http_name_equal(name, slice_of(reserved[i])))
            return true;
    return false;
}

static const char *accept_name(struct http_accept *a, struct slice name)
{
    if (!http_is_token(name))
        return "after header: there should be the name of a header field";
    if (name.len > HTTP_ACCEPT_NAME_MAX)
        return "the name of a header field has at most 64 bytes here";
    if (is_reserved(name))
        return "this header field has a meaning of its own; name another one";
    for (unsigned i = 0; i < a->names; i++)
        if (http_name_equal(name, (struct slice){ a->name[i].text, a->name[i].len }))
            return "a header field is named twice";
    if (a->names == HTTP_ACCEPT_NAMES)
        return "at most 4 header fields can be named";
    a->name[a->names].len = name.len;
    memcpy(a->name[a->names++].text, name.at, name.len);
    return NULL;
}

static const char *accept_one(struct http_accept *a, struct slice word)
{
    static const char header[] = "header:";
    const size_t len = sizeof(header) - 1;

    if (word.len > len && memcmp(word.at, header, len) == 0)
        return accept_name(a, (struct slice){ word.at + len, word.len - len });
    bool bearer = slice_is(word, "bearer"), basic = slice_is(word, "basic");
    if (!bearer && !basic)
        return "this should be a list of bearer, basic and header:NAME";
    if ((bearer && a->bearer) || (basic && a->basic))
        return "bearer or basic is given twice";
    a->basic_first |= basic && !a->bearer;
    a->bearer |= bearer;
    a->basic |= basic;
    return NULL;
}

const char *http_accept_parse(struct slice text, struct http_accept *accept)
{
    const char *fault = NULL;

    *accept = (struct http_accept){ 0 };
    for (bool more = true; more && fault == NULL;) {
        const char *comma = text.len > 0 ? memchr(text.at, ',', text.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - text.at) : text.len;
        fault = accept_one(accept, http_trim((struct slice){ text.at, len }));
        more = comma != NULL;
        text = (struct slice){ text.at + len + more, text.len - len - more };
    }
    return fault;
}

/* -- what came -------------------------------------------------------------------------------- */

/* A value that proxies could have joined from several, cut or padded is none: visible ASCII only,
 * and no comma. */
static bool is_token(struct slice text)
{
    bool ok = text.len > 0;

    for (size_t i = 0; i < text.len; i++)
        ok &= text.at[i] > ' ' && text.at[i] <= '~' && text.at[i] != ',';
    return ok;
}

static void take(struct http_credentials *c, struct slice token)
{
    c->status = c->status == HTTP_CREDENTIALS_NONE && is_token(token) ? HTTP_CREDENTIALS_TOKEN :
                                                                        HTTP_CREDENTIALS_MALFORMED;
    c->token = token;
}

/* Return a digit of base64 (RFC 4648, section 4), or -1. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode a group of four digits; return how many bytes that are, or 0 if it is not as an encoder
 * writes it. */
static size_t decode_group(const char *at, bool last, char out[3])
{
    size_t digits = !last || at[3] != '=' ? 4 : at[2] != '=' ? 3 : 2;
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i < digits ? digit(at[i]) : 0;
        if (d < 0)
            return 0;
        bits = bits << 6 | (uint32_t)d;
    }
    if ((digits == 3 && (bits & 0xff) != 0) || (digits == 2 && (bits & 0xffff) != 0))
        return 0; /* other text has the same meaning */
    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8);
    out[2] = (char)bits;
    return digits - 1;
}

/* Decode user:password and keep the password.  False: it is none, or too long. */
static bool decode_password(struct http_credentials *c, struct slice text)
{
    bool found = false;
    char group[3];

    if (text.len % 4 != 0)
        return false;
    for (size_t at = 0; at < text.len; at += 4) {
        size_t len = decode_group(text.at + at, at + 4 == text.len, group);
        if (len == 0)
            return false;
        for (size_t i = 0; i < len; i++) {
            if ((uint8_t)group[i] < ' ' || group[i] == 0x7f)
                return false;
            if (!found)
                found = group[i] == ':';
            else if (c->decoded_len == sizeof(c->decoded))
                return false;
            else
                c->decoded[c->decoded_len++] = group[i];
        }
    }
    sodium_memzero(group, sizeof(group));
    return found;
}

static void take_password(struct http_credentials *c, struct slice text)
{
    if (decode_password(c, text))
        take(c, (struct slice){ c->decoded, c->decoded_len });
    else
        c->status = HTTP_CREDENTIALS_MALFORMED;
}

static void take_authorization(struct http_credentials *c, const struct http_accept *accept,
                               struct slice value)
{
    const char *space = value.len > 0 ? memchr(value.at, ' ', value.len) : NULL;
    struct slice scheme = { value.at, space != NULL ? (size_t)(space - value.at) : value.len };
    struct slice rest = { value.at + scheme.len, value.len - scheme.len };

    if (c->authorization || !http_is_token(scheme)) {
        c->status = HTTP_CREDENTIALS_MALFORMED;
        return;
    }
    c->authorization = true;
    while (rest.len > 0 && rest.at[0] == ' ')
        rest = (struct slice){ rest.at + 1, rest.len - 1 };
    if (accept->bearer && http_name_equal(scheme, slice_of("Bearer")))
        take(c, rest);
    else if (accept->basic && http_name_equal(scheme, slice_of("Basic")))
        take_password(c, rest);
}

bool http_credentials_field(struct http_credentials *c, const struct http_accept *accept,
                            struct slice name, struct slice value)
{
    static const struct slice authorization = SLICE("Authorization");

    if ((accept->bearer || accept->basic) && http_name_equal(name, authorization)) {
        take_authorization(c, accept, value);
        return true;
    }
    for (unsigned i = 0; i < accept->names; i++) {
        if (!http_name_equal(name, (struct slice){ accept->name[i].text, accept->name[i].len }))
            continue;
        take(c, value);
        return true;
    }
    return false;
}

void http_credentials_end(struct http_credentials *c)
{
    sodium_memzero(c->decoded, c->decoded_len);
    c->decoded_len = 0;
    c->token = (struct slice){ NULL, 0 };
}
