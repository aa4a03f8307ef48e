/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/change.h"

#include "proto/fleet.h"
#include "proto/line.h"
#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/token.h"

/* -- claims ------------------------------------------------------------------------------------- */

typedef bool checker(struct slice value);

static bool is_name(struct slice value)
{
    return value.len > 0 && fleet_name_fault(value) == NULL;
}

static bool is_time(struct slice value)
{
    int64_t time;

    return stamp_parse(value, &time);
}

static bool is_end(struct slice value)
{
    return slice_is(value, "never") || is_time(value);
}

static bool is_state(struct slice value)
{
    return slice_is(value, "active") || slice_is(value, "disabled") || slice_is(value, "revoked");
}

static bool is_subject(struct slice value)
{
    return value.len <= SUBJECT_MAX && utf8_valid(value);
}

static bool is_scopes(struct slice value)
{
    return value.len == 0 || (value.len <= SCOPES_TEXT_MAX && scopes_fault(value) == NULL);
}

static bool is_description(struct slice value)
{
    return value.len <= DESCRIPTION_MAX && utf8_valid(value);
}

static bool is_id(struct slice value)
{
    uint8_t id[ID_SIZE];

    return token_id_parse(value, id);
}

static bool is_yes(struct slice value)
{
    return slice_is(value, "yes");
}

static bool is_by(struct slice value)
{
    uint64_t uid;

    return slice_begins(value, "uid:") &&
           number_parse((struct slice){ value.at + 4, value.len - 4 }, UINT32_MAX, &uid);
}

enum claim {
    CLAIM_GROUP,
    CLAIM_STATE,
    CLAIM_CREATED,
    CLAIM_ACTIVATES,
    CLAIM_EXPIRES,
    CLAIM_REVOKED,
    CLAIM_DISABLED,
    CLAIM_SUBJECT,
    CLAIM_SCOPES,
    CLAIM_DESCRIPTION,
    CLAIM_REPLACES,
    CLAIM_ORIGIN,
    CLAIM_BY,
    CLAIM_ENABLES,
    CLAIM_COUNT
};

static const struct claim_row {
    const char *name;
    checker *check;
    bool denies; /* a denial may have it, too */
} rows[CLAIM_COUNT] = {
    [CLAIM_GROUP] = { "group", is_name, true },
    [CLAIM_STATE] = { "state", is_state, true },
    [CLAIM_CREATED] = { "created", is_time, false },
    [CLAIM_ACTIVATES] = { "activates", is_time, false },
    [CLAIM_EXPIRES] = { "expires", is_end, false },
    [CLAIM_REVOKED] = { "revoked", is_time, true },
    [CLAIM_DISABLED] = { "disabled", is_time, true },
    [CLAIM_SUBJECT] = { "subject", is_subject, false },
    [CLAIM_SCOPES] = { "scopes", is_scopes, false },
    [CLAIM_DESCRIPTION] = { "description", is_description, false },
    [CLAIM_REPLACES] = { "replaces", is_id, false },
    [CLAIM_ORIGIN] = { "origin", is_name, true },
    [CLAIM_BY] = { "by", is_by, true },
    [CLAIM_ENABLES] = { "enables", is_yes, false },
};

struct claims {
    char bytes[LINE_MAX_BYTES]; /* of which the values are parts */
    struct slice value[CLAIM_COUNT];
};

/* Claims that a newer schema may have besides are left out. */
static const char *take_claim(struct claims *c, const struct argument *a)
{
    int i = 0;

    if (a->key.len == 0)
        return "its claims have a word without a key";
    while (i < CLAIM_COUNT && !slice_is(a->key, rows[i].name))
        i++;
    if (i == CLAIM_COUNT)
        return NULL;
    if (c->value[i].at != NULL)
        return "a claim is there twice";
    if (!rows[i].check(a->value))
        return "a claim has a value that it cannot have";
    c->value[i] = a->value;
    return NULL;
}

/* Return NULL, or what is wrong. */
static const char *parse_claims(struct slice text, struct claims *c)
{
    struct line line;
    const char *why = NULL;

    memset(c->value, 0, sizeof(c->value));
    if (text.at == NULL || text.len >= sizeof(c->bytes))
        return text.at == NULL ? "it has no claims" : "its claims are too long";
    memcpy(c->bytes, text.at, text.len);
    if (line_parse(c->bytes, text.len, &line, &why) != STATUS_OK)
        return "its claims are no words of the protocol";
    for (size_t i = 0; i < line.count && why == NULL; i++)
        why = take_claim(c, &line.argument[i]);
    if (why == NULL && c->value[CLAIM_GROUP].at == NULL)
        why = "its claims have no group";
    return why;
}

/* -- lines -------------------------------------------------------------------------------------- */

static const char key[] = " digest=";

enum kind { KIND_PUT, KIND_ENABLE, KIND_REVOKE, KIND_DISABLE, KIND_DROP, KIND_UNKNOWN };

static enum kind kind_of(struct slice event)
{
    static const struct {
        const char *event;
        enum kind kind;
    } kinds[] = {
        { "create", KIND_PUT },      { "import", KIND_PUT },    { "update", KIND_PUT },
        { "rotate", KIND_PUT },      { "enable", KIND_ENABLE }, { "revoke", KIND_REVOKE },
        { "disable", KIND_DISABLE }, { "delete", KIND_DROP },
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (slice_is(event, kinds[i].event))
            return kinds[i].kind;
    return KIND_UNKNOWN;
}

/* In a snapshot, what has no time of creation is a denial that has overtaken it. */
static enum kind kind_of_snapshot(const struct claims *c)
{
    if (c->value[CLAIM_CREATED].at != NULL)
        return KIND_PUT;
    if (c->value[CLAIM_STATE].at == NULL || slice_is(c->value[CLAIM_STATE], "active"))
        return KIND_UNKNOWN;
    return slice_is(c->value[CLAIM_STATE], "revoked") ? KIND_REVOKE : KIND_DISABLE;
}

static void put_claims(struct text *t, const struct claims *c, bool denial)
{
    for (int i = 0; i < CLAIM_COUNT; i++)
        if (c->value[i].at != NULL && (!denial || (rows[i].denies && i != CLAIM_STATE)))
            line_put(t, rows[i].name, c->value[i]);
}

static const char *write_words(struct change *c, struct text *t, enum kind kind,
                               const struct claims *claims)
{
    switch (kind) {
    case KIND_PUT:
    case KIND_ENABLE:
        if (claims->value[CLAIM_CREATED].at == NULL)
            return "its claims have no time of creation";
        c->verb = "put";
        put_claims(t, claims, false);
        if (kind == KIND_ENABLE && claims->value[CLAIM_ENABLES].at == NULL)
            line_puts(t, "enables", "yes");
        break;
    case KIND_REVOKE:
    case KIND_DISABLE:
        c->verb = "deny";
        line_puts(t, "state", kind == KIND_REVOKE ? "revoked" : "disabled");
        put_claims(t, claims, true);
        break;
    case KIND_DROP:
        c->verb = "drop";
        break;
    case KIND_UNKNOWN:
        return "it is of a kind that this version does not know";
    }
    text_addc(t, '\n');
    return NULL;
}

static size_t line_size(const struct change *c)
{
    return strlen(c->verb) + strlen(key) + 2 * DIGEST_SIZE + c->len;
}

/* Return what is wrong with the digests; NULL: nothing. */
static const char *digests_fault(const struct change_row *row, enum kind kind)
{
    const size_t count = change_digests(row);

    if (count == 0 || row->digest.len % DIGEST_SIZE != 0)
        return "its digest is none";
    if (count > CHANGE_DIGESTS_MAX)
        return "it has too many digests";
    return count > 1 && kind != KIND_REVOKE && kind != KIND_DISABLE && kind != KIND_DROP ?
               "it has many digests, and denies none" :
               NULL;
}

static const char *read_row(struct change *c, const struct change_row *row)
{
    enum kind kind = row->snapshot ? KIND_PUT : kind_of(row->event);
    struct text words = text_in(c->words, sizeof(c->words));
    struct claims claims;
    const char *why = digests_fault(row, kind);

    if (why == NULL && kind != KIND_DROP)
        why = parse_claims(row->claims, &claims);
    if (why == NULL && row->snapshot)
        kind = kind_of_snapshot(&claims);
    if (why == NULL)
        why = write_words(c, &words, kind, &claims);
    c->len = words.len;
    if (why == NULL && (words.cut || line_size(c) > LINE_MAX_BYTES))
        why = "it does not fit into a line";
    return why;
}

bool change_read(struct change *c, const struct change_row *row, const char **why)
{
    c->verb = "";
    c->digests = (const uint8_t *)row->digest.at;
    c->count = c->len = 0;
    *why = row->digest.at != NULL || row->snapshot ? read_row(c, row) : NULL;
    if (*why == NULL)
        c->count = change_digests(row);
    return *why == NULL;
}

size_t change_size(const struct change *c)
{
    return c->count * line_size(c);
}

void change_write(const struct change *c, struct text *t)
{
    for (size_t i = 0; i < c->count; i++) {
        text_adds(t, c->verb);
        text_adds(t, key);
        text_add_hex(t, c->digests + i * DIGEST_SIZE, DIGEST_SIZE);
        text_add(t, c->words, c->len);
    }
}
