/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change.h"

#include <sodium.h>

#include "daemon/base/secmem.h"
#include "proto/stamp.h"

struct change *change_new(const struct change_kind *kind)
{
    struct change *c = secmem_new(sizeof(*c));

    if (c == NULL)
        return NULL;
    memset(c, 0, offsetof(struct change, problem));
    c->problem.status = STATUS_OK;
    c->problem.message[0] = '\0';
    c->value_len = 0;
    record_clear(&c->want);
    record_clear(&c->found);
    c->after = &c->found;
    c->kind = kind;
    return c;
}

void change_free(struct change *c)
{
    if (c == NULL)
        return;
    sodium_memzero(c->value, c->value_len);
    secmem_free(c, sizeof(*c));
}

bool change_writes(const struct change *c)
{
    return c->problem.status == STATUS_OK &&
           (c->puts || c->removes || c->announces || c->bans > 0 || c->lapses > 0);
}

bool change_has_token(const struct change *c)
{
    return c->puts || c->removes;
}

void change_reset(struct change *c)
{
    c->problem = (struct problem){ .status = STATUS_OK };
    c->puts = c->rotates = c->removes = c->announces = c->is_new = c->has_twin = false;
    c->bans = c->new_bans = c->lapses = 0;
    c->event = c->ends = NULL;
    c->refusal_len = 0;
}

const char *change_event(const struct change *c)
{
    return c->event != NULL ? c->event : c->kind->event;
}

/* True for a request that denies, whatever became of it. */
static bool asks_denial(const struct change *c)
{
    const struct record *want = &c->want;

    return c->kind->deny != 0 || c->kind->denies ||
           (c->kind->adds && (want->revoked != 0 || want->disabled != 0 || want->own_end != 0 ||
                              want->rotated != 0));
}

bool change_narrows(const struct change *c)
{
    const uint32_t narrowing = KEY_BIT(KEY_SUBJECT) | KEY_BIT(KEY_SCOPES) | KEY_BIT(KEY_EXPIRES);

    switch (c->problem.status) {
    case STATUS_OK:
    case STATUS_STORE:
        break;
    case STATUS_UNKNOWN: /* perhaps because the daemon that was killed had done it */
    case STATUS_REVOKED:
    case STATUS_EXISTS:
    case STATUS_BANNED:
        return asks_denial(c);
    default:
        return false;
    }
    if (asks_denial(c) || c->removes || c->rotates || c->bans > 0)
        return true;
    return c->puts && ((record_flags(c->after) & (SLOT_REVOKED | SLOT_DISABLED)) != 0 ||
                       (!c->is_new && (c->given & narrowing) != 0));
}

static struct text begin_entry(const struct change *c, struct journal *j, const char *event,
                               const uint8_t *id, int64_t now)
{
    struct text entry = journal_entry(j, now, event);

    text_adds(&entry, " id=");
    text_add_hex(&entry, id, ID_SIZE);
    text_adds(&entry, " by=uid:");
    text_add_u64(&entry, c->uid);
    line_put_u64(&entry, "pid", (uint64_t)c->pid);
    return entry;
}

bool change_add_entry(const struct change *c, struct journal *j, struct slice claims, int64_t now)
{
    struct text entry = begin_entry(c, j, change_event(c), c->after->digest, now);

    if (c->is_new && c->after->has_replaces) {
        text_adds(&entry, " replaces=");
        text_add_hex(&entry, c->after->replaces, ID_SIZE);
    }
    if (c->is_new && c->after->revoked != 0)
        line_put_time(&entry, "revoked", c->after->revoked);
    if (c->is_new && c->after->disabled != 0)
        line_put_time(&entry, "disabled", c->after->disabled);
    if (c->announces) {
        text_adds(&entry, " warn=");
        duration_write(&entry, c->ttl);
        record_put_claims(&entry, c->after);
    }
    if (!change_has_token(c) && c->bans > 0 && c->ban[0].until != TIME_NEVER)
        line_put_time(&entry, "expires", c->ban[0].until);
    bool shows_claims = c->event != NULL ? strcmp(c->event, "update") == 0 : c->kind->shows_claims;
    if (shows_claims)
        text_add(&entry, claims.at, claims.len);
    return journal_entry_end(j, &entry);
}

bool change_add_end_entry(const struct change *c, struct journal *j, struct slice claims,
                          int64_t now)
{
    struct text entry = begin_entry(c, j, c->ends, c->found.digest, now);

    if (c->found.revoked == 0)
        text_add(&entry, claims.at, claims.len);
    return journal_entry_end(j, &entry);
}

enum store_found change_find_or_twin(struct change *c, struct store *store,
                                     bool (*is)(const struct change *c))
{
    enum store_found found = store_get(store, c->want.digest, &c->found);

    if (found == STORE_FOUND && is(c))
        return STORE_FOUND;
    if (found == STORE_FAILED || !c->has_twin)
        return found == STORE_FAILED ? STORE_FAILED : STORE_ABSENT;
    found = store_get(store, c->id, &c->found);
    return found == STORE_FOUND && !is(c) ? STORE_ABSENT : found;
}
