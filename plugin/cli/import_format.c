/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import_format.h"

#include <stdio.h>

#include "plugin/cli/import_fields.h"
#include "plugin/cli/message.h"

const char import_format_names[] = "csv, github, gitlab or htpasswd";

struct column {
    const char *name;
    enum import_field field;
};

/* A table with a header, unless it has another way to convert a line. */
struct import_format {
    const char *name;
    enum import_converted (*convert)(struct import_converter *c, struct slice line);
    bool strict; /* a column that is not known is an error: it may be a misspelt one */
    struct column column[24];
};

static enum import_converted convert_row(struct import_converter *c, struct slice line);
static enum import_converted convert_password(struct import_converter *c, struct slice line);

static const struct import_format formats[] = {
    { "csv",
      convert_row,
      true,
      { { "value", IMPORT_VALUE },
        { "token", IMPORT_VALUE },
        { "sha256", IMPORT_SHA256 },
        { "description", IMPORT_DESCRIPTION },
        { "subject", IMPORT_SUBJECT },
        { "scopes", IMPORT_SCOPES },
        { "created", IMPORT_CREATED },
        { "activates", IMPORT_ACTIVATES },
        { "expires", IMPORT_EXPIRES },
        { "used", IMPORT_USED },
        { "state", IMPORT_STATE } } },
    /* the table personal_access_tokens, and what the API answers when a token is made */
    { "gitlab",
      convert_row,
      false,
      { { "token", IMPORT_VALUE },
        { "token_digest", IMPORT_SALTED },
        { "name", IMPORT_DESCRIPTION },
        { "username", IMPORT_SUBJECT },
        { "scopes", IMPORT_SCOPES },
        { "created_at", IMPORT_CREATED },
        { "expires_at", IMPORT_EXPIRES },
        { "last_used_at", IMPORT_USED },
        { "revoked", IMPORT_REVOKED } } },
    /* the audit log, whose events have the digest of the token that was used; and lists of values */
    { "github",
      convert_row,
      false,
      { { "token", IMPORT_VALUE },
        { "hashed_token", IMPORT_SHA256 },
        { "name", IMPORT_DESCRIPTION },
        { "note", IMPORT_DESCRIPTION },
        { "programmatic_access_type", IMPORT_DESCRIPTION },
        { "actor", IMPORT_SUBJECT },
        { "user", IMPORT_SUBJECT },
        { "login", IMPORT_SUBJECT },
        { "token_scopes", IMPORT_SCOPES },
        { "scopes", IMPORT_SCOPES },
        { "expires_at", IMPORT_EXPIRES },
        { "token_expires_at", IMPORT_EXPIRES },
        { "@timestamp", IMPORT_USED },
        { "token_last_used_at", IMPORT_USED } } },
    { "htpasswd", convert_password, false, { { NULL, IMPORT_IGNORED } } },
};

const struct import_format *import_format_named(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

enum import_converted import_format_convert(struct import_converter *c, struct slice line)
{
    return c->format->convert(c, line);
}

const char *import_format_end(const struct import_converter *c)
{
    if (csv_row_is_open(&c->row))
        return "a quoted field has no end";
    return NULL;
}

void import_format_free(struct import_converter *c)
{
    cli_buffer_free(&c->out);
    csv_row_free(&c->row);
}

void import_format_advise(const struct import_converter *c)
{
    char list[512];
    int at = 0;

    if (c->schemes == 0)
        return;
    list[0] = '\0';
    for (size_t i = 0; i < c->schemes && at >= 0 && (size_t)at < sizeof(list); i++)
        at += snprintf(list + at, sizeof(list) - (size_t)at, "%s%llu of %s", i > 0 ? ", " : "",
                       (unsigned long long)c->scheme[i].count, c->scheme[i].name);
    cli_message("left out because of their digests: %s.\nOnly values and plain SHA-256 digests can "
                "be judged.  Make new tokens for these (jeton create), or import their values "
                "where you have them (jeton import --value).",
                list);
}

/* -- tables ----------------------------------------------------------------------------------- */

static enum import_field field_named(const struct import_format *format, struct slice name)
{
    for (const struct column *c = format->column; c->name != NULL; c++)
        if (slice_is(name, c->name))
            return c->field;
    return IMPORT_IGNORED;
}

/* Read the first row.  A spreadsheet may begin it with a byte order mark. */
static enum import_converted read_header(struct import_converter *c)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool has_credential = false;

    c->why = c->text;
    c->fatal = true;
    if (slice_begins(c->row.field[0], mark))
        c->row.field[0] = (struct slice){ c->row.field[0].at + 3, c->row.field[0].len - 3 };
    for (size_t i = 0; i < c->row.fields; i++) {
        struct slice name = c->row.field[i];
        c->column[i] = field_named(c->format, name);
        if (c->column[i] == IMPORT_IGNORED && c->format->strict) {
            snprintf(c->text, sizeof(c->text), "the header has a column that is not known: %.*s",
                     (int)(name.len < 60 ? name.len : 60), name.len > 0 ? name.at : "");
            return IMPORT_REFUSED;
        }
        has_credential = has_credential || c->column[i] <= IMPORT_SALTED;
    }
    if (!has_credential) {
        snprintf(c->text, sizeof(c->text),
                 "the header has no column with values or digests, such as %s",
                 c->format->column[c->format->strict ? 2 : 1].name);
        return IMPORT_REFUSED;
    }
    c->fatal = false;
    c->columns = c->row.fields;
    return IMPORT_NOTHING;
}

static enum import_converted convert_row(struct import_converter *c, struct slice line)
{
    struct slice value[IMPORT_FIELDS] = { { NULL, 0 } };

    if (line.len == 0 && !csv_row_is_open(&c->row))
        return IMPORT_NOTHING;
    switch (csv_row_add(&c->row, line, &c->why)) {
    case CSV_MORE:
        return IMPORT_NOTHING;
    case CSV_BAD:
        return IMPORT_REFUSED;
    case CSV_ROW:
        break;
    }
    if (c->columns == 0)
        return read_header(c);
    if (c->row.fields != c->columns) {
        c->why = "it has more or fewer columns than the header";
        return IMPORT_REFUSED;
    }
    for (size_t i = 0; i < c->columns;
         i++) /* of columns of one meaning, the first that is filled */
        if (c->column[i] != IMPORT_IGNORED && value[c->column[i]].len == 0)
            value[c->column[i]] = c->row.field[i];
    return import_fields_write(c, value);
}

/* -- htpasswd --------------------------------------------------------------------------------- */

/* Digests by how they begin. */
static const struct {
    const char *begin;
    const char *scheme; /* NULL: SHA-256 */
} passwords[] = {
    { "{SHA256}", NULL },
    { "{SHA256.HEX}", NULL },
    { "{SHA256.B64}", NULL },
    { "$apr1$", "apr1 (MD5)" },
    { "$1$", "MD5-crypt" },
    { "$2", "bcrypt" },
    { "$5$", "SHA-256-crypt (salted)" },
    { "$6$", "SHA-512-crypt" },
    { "$y$", "yescrypt" },
    { "$7$", "scrypt" },
    { "$argon2", "argon2" },
    { "$", "another crypt(3)" },
    { "{SHA}", "SHA-1" },
    { "{SSHA", "salted SHA" },
};

static bool is_des(struct slice hash)
{
    for (size_t i = 0; i < hash.len; i++)
        if (strchr("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                   hash.at[i]) == NULL)
            return false;
    return hash.len == 13;
}

static struct slice behind(struct slice text, size_t len)
{
    return (struct slice){ text.at + len, text.len - len };
}

static enum import_converted convert_hash(struct import_converter *c, struct slice value[],
                                          struct slice hash)
{
    static const char plain[] = "{PLAIN}";

    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        if (!slice_begins(hash, passwords[i].begin))
            continue;
        if (passwords[i].scheme != NULL)
            return import_fields_unjudged(c, passwords[i].scheme);
        value[IMPORT_SHA256] = behind(hash, strlen(passwords[i].begin));
        return import_fields_write(c, value);
    }
    if (is_des(hash))
        return import_fields_unjudged(c, "DES-crypt");
    if (slice_begins(hash, plain))
        hash = behind(hash, sizeof(plain) - 1);
    else if (slice_begins(hash, "{"))
        return import_fields_unjudged(c, "another scheme in braces");
    value[IMPORT_VALUE] = hash;
    return import_fields_write(c, value);
}

/* A line is the user's name, a colon, and the password or its digest. */
static enum import_converted convert_password(struct import_converter *c, struct slice line)
{
    struct slice value[IMPORT_FIELDS] = { { NULL, 0 } };
    const char *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;

    if (line.len == 0 || line.at[0] == '#')
        return IMPORT_NOTHING;
    c->why = "it is no line of htpasswd: a user's name, a colon, and a digest or a value";
    if (colon == NULL || colon == line.at)
        return IMPORT_REFUSED;
    value[IMPORT_SUBJECT] = (struct slice){ line.at, (size_t)(colon - line.at) };
    return convert_hash(c, value, behind(line, value[IMPORT_SUBJECT].len + 1));
}
