/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/record.h"

#include "daemon/store/stored_line.h"
#include "proto/fleet.h"
#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/token.h"
#include "proto/verdict.h"

static const char *text_fault(struct slice text, size_t max, const char *too_long)
{
    if (text.len > max)
        return too_long;
    if (!utf8_valid(text))
        return "not valid UTF-8";
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL)
        return "NUL is not allowed";
    return NULL;
}

/* Replace a text, and move those behind it.  The caller sets its length. */
static void replace(struct record *r, struct slice old, struct slice text)
{
    char *to = r->texts + (old.at - r->texts);
    size_t behind = record_texts_len(r) - (size_t)(old.at + old.len - r->texts);

    if (old.len != text.len && behind > 0)
        memmove(to + text.len, to + old.len, behind);
    if (text.len > 0)
        memcpy(to, text.at, text.len);
}

static const char *set(struct record *r, struct slice old, uint16_t *len, struct slice text)
{
    replace(r, old, text);
    *len = (uint16_t)text.len;
    return NULL;
}

const char *record_set_subject(struct record *r, struct slice subject)
{
    const char *fault = text_fault(subject, SUBJECT_MAX, "a subject has at most 256 bytes");

    return fault != NULL ? fault : set(r, record_subject(r), &r->subject_len, subject);
}

const char *record_set_description(struct record *r, struct slice description)
{
    const char *fault = text_fault(description, DESCRIPTION_MAX,
                                   "a description has at most 1024 bytes");

    return fault != NULL ? fault : set(r, record_description(r), &r->description_len, description);
}

static const char *set_name(struct record *r, struct slice old, uint8_t *len, struct slice name)
{
    const char *fault = fleet_name_fault(name);

    if (fault != NULL)
        return fault;
    replace(r, old, name);
    *len = (uint8_t)name.len;
    return NULL;
}

const char *record_set_group(struct record *r, struct slice group)
{
    return set_name(r, record_group(r), &r->group_len, group);
}

const char *record_set_origin(struct record *r, struct slice origin)
{
    return set_name(r, record_origin(r), &r->origin_len, origin);
}

const char *record_set_scopes(struct record *r, struct slice words)
{
    char buffer[SCOPES_TEXT_MAX];
    struct text words_set = text_in(buffer, sizeof(buffer));
    const char *fault = scopes_normalise(words, &words_set);

    return fault != NULL ? fault : set(r, record_scopes(r), &r->scopes_len, text_slice(&words_set));
}

bool record_belongs_to(const struct record *r, struct slice name, uid_t uid)
{
    return name.len > 0 && slice_equal(record_subject(r), name) &&
           (!r->has_owner || r->owner == uid);
}

uint32_t record_flags(const struct record *r)
{
    return SLOT_PRESENT | (r->revoked != 0 ? SLOT_REVOKED : 0) |
           (r->disabled != 0 ? SLOT_DISABLED : 0) |
           (r->digest_alg == DIGEST_ALG_SHA256 ? SLOT_SHA256 : 0) |
           (record_is_fleet(r) ? SLOT_FLEET : 0);
}

int64_t record_ended(const struct record *r)
{
    return r->revoked != 0 && r->revoked < r->expires ? r->revoked : r->expires;
}

bool record_is_denied(const struct record *r)
{
    return r->revoked != 0 || r->disabled != 0 || r->own_end != 0 || r->rotated != 0;
}

int64_t record_own_end(const struct record *r)
{
    return r->own_end > r->expires ? r->own_end : r->expires;
}

void record_key(const uint8_t id[ID_SIZE], char key[RECORD_KEY_SIZE])
{
    struct text t = text_in(key, RECORD_KEY_SIZE);

    text_adds(&t, RECORD_KEY);
    text_add_hex(&t, id, ID_SIZE);
}

bool record_key_parse(struct slice key, uint8_t id[ID_SIZE])
{
    size_t head = sizeof(RECORD_KEY) - 1;

    return key.len == RECORD_KEY_SIZE && slice_begins(key, RECORD_KEY) &&
           hex_parse((struct slice){ key.at + head, ID_TEXT }, id, ID_SIZE);
}

static void put_time_if(struct text *t, const char *key, int64_t time, int64_t unless)
{
    if (time != unless)
        line_put_time(t, key, time);
}

static void put_if(struct text *t, const char *key, struct slice value)
{
    if (value.len > 0)
        line_put(t, key, value);
}

void record_put_claims(struct text *t, const struct record *r)
{
    put_time_if(t, "activates", r->activates, TIME_ALWAYS);
    put_time_if(t, "expires", r->expires, TIME_NEVER);
    put_if(t, "subject", record_subject(r));
    put_if(t, "scopes", record_scopes(r));
    put_if(t, "description", record_description(r));
    put_if(t, "group", record_group(r));
    put_if(t, "origin", record_origin(r));
}

void record_set_revoked_by(struct record *r, uid_t by)
{
    r->has_revoked_by = true;
    r->revoked_by = by;
}

void record_set_disabled_by(struct record *r, uid_t by)
{
    r->has_disabled_by = true;
    r->disabled_by = by;
}

static void put_denial(struct text *t, const char *key, int64_t time, bool has_by,
                       const char *by_key, uid_t by)
{
    put_time_if(t, key, time, 0);
    if (time == 0 || !has_by)
        return;
    line_put_key(t, by_key);
    text_adds(t, "uid:");
    text_add_u64(t, by);
}

static void put_id_if(struct text *t, const char *key, bool has, const uint8_t id[ID_SIZE])
{
    if (!has)
        return;
    line_put_key(t, key);
    text_add_hex(t, id, ID_SIZE);
}

void record_put_denials(struct text *t, const struct record *r)
{
    put_denial(t, "revoked", r->revoked, r->has_revoked_by, "revoked_by", r->revoked_by);
    put_denial(t, "disabled", r->disabled, r->has_disabled_by, "disabled_by", r->disabled_by);
    put_id_if(t, "replaces", r->has_replaces, r->replaces);
    put_id_if(t, "replaced_by", r->has_replaced_by, r->replaced_by);
}

static void put_end_if(struct text *t, const char *key, int64_t end)
{
    if (end == TIME_NEVER)
        line_puts(t, key, "never");
    else
        put_time_if(t, key, end, 0);
}

void record_put_digest_alg(struct text *t, uint8_t digest_alg)
{
    if (digest_alg == DIGEST_ALG_SHA256)
        line_puts(t, "digest_alg", DIGEST_ALG_NAME_SHA256);
}

bool record_read_digest_alg(void *digest_alg, struct slice v)
{
    *(uint8_t *)digest_alg = DIGEST_ALG_SHA256;
    return slice_is(v, DIGEST_ALG_NAME_SHA256);
}

void record_put_history(struct text *t, const struct record *r)
{
    record_put_digest_alg(t, r->digest_alg);
    record_put_denials(t, r);
    put_end_if(t, "own_end", r->own_end);
    put_time_if(t, "rotated", r->rotated, 0);
    put_end_if(t, "rotated_end", r->rotated_end);
    if (r->has_signed) {
        text_adds(t, " signed=");
        text_add_hex(t, r->signed_part, DIGEST_SIZE);
    }
}

void record_put_owner(struct text *t, const struct record *r)
{
    if (!r->has_owner)
        return;
    text_adds(t, " owner=uid:");
    text_add_u64(t, r->owner);
}

void record_put_state(struct text *t, const struct record *r, int64_t now)
{
    enum status state = verdict_state(record_flags(r), r->activates, r->expires, now);

    line_puts(t, "state", state == STATUS_OK ? "active" : status_row(state)->word);
}

struct slice record_write(struct text *t, const struct record *r)
{
    text_adds(t, "v=");
    text_add_u64(t, RECORD_VERSION);
    line_put_u64(t, "serial", r->serial);
    text_adds(t, " digest=");
    text_add_hex(t, r->digest, DIGEST_SIZE);
    line_put_time(t, "created", r->created);
    text_adds(t, " by=uid:");
    text_add_u64(t, r->by);
    record_put_owner(t, r);
    record_put_history(t, r);
    size_t claims = t->len;
    record_put_claims(t, r);
    return (struct slice){ t->at + claims, t->len - claims };
}

bool record_equal(const struct record *a, const struct record *b)
{
    char line[2][RECORD_LINE_MAX];
    struct text left = text_in(line[0], RECORD_LINE_MAX), right = text_in(line[1], RECORD_LINE_MAX);

    record_write(&left, a);
    record_write(&right, b);
    return !left.cut && !right.cut && slice_equal(text_slice(&left), text_slice(&right));
}
