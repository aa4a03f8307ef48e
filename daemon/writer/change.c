/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/base/secmem.h"
#include "proto/stamp.h"

enum { OLD_WITHIN = JOURNAL_ENTRY_MAX - 512 }; /* bytes of an entry with old values */

static const char update_event[] = "update";

static struct change *init(struct change *c, const struct change_kind *kind)
{
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
    c->login = PEERCRED_NO_LOGIN;
    return c;
}

struct change *change_new(const struct change_kind *kind)
{
    return init(secmem_new(sizeof(struct change)), kind);
}

struct change *change_new_of_many(const struct change_kind *kind)
{
    struct change *c = init(malloc(sizeof(*c)), kind);

    if (c != NULL)
        c->of_many = true;
    return c;
}

void change_free(struct change *c)
{
    if (c == NULL)
        return;
    sodium_memzero(c->value, c->value_len);
    if (c->of_many)
        free(c);
    else
        secmem_free(c, sizeof(*c));
}

bool change_writes(const struct change *c)
{
    return c->problem.status == STATUS_OK &&
           (c->puts || c->removes || c->announces || c->notes || c->bans > 0 || c->lapses > 0);
}

bool change_has_token(const struct change *c)
{
    return c->puts || c->removes;
}

void change_reset(struct change *c)
{
    if (c->fleet_stage == CHANGE_SETTLED) /* not by this host */
        return;
    c->problem = (struct problem){ .status = STATUS_OK };
    c->puts = c->rotates = c->removes = c->announces = c->notes = c->is_new = c->has_twin = false;
    c->merge_denies = c->is_so = c->has_read = false;
    c->bans = c->new_bans = c->lapses = 0;
    c->event = c->ends = NULL;
    c->before = NULL;
    c->refusal_len = 0;
}

const char *change_event(const struct change *c)
{
    return c->event != NULL ? c->event : c->kind->event;
}

/* True if it is about a new token. */
static bool adds(const struct change *c)
{
    return c->is_new || (c->fleet_stage == CHANGE_SETTLED && c->kind->adds);
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
    const uint64_t narrowing = KEY_BIT(KEY_SUBJECT) | KEY_BIT(KEY_SCOPES) | KEY_BIT(KEY_EXPIRES) |
                               KEY_BIT(KEY_TTL);

    if (c->fleet_stage == CHANGE_SETTLED && c->kind->deny != 0)
        return true; /* it is in force here, whatever the answer is */
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
    if (c->puts && (record_flags(c->after) & (SLOT_REVOKED | SLOT_DISABLED)) != 0)
        return true;
    return (c->puts || c->is_so || c->fleet_stage == CHANGE_SETTLED) && !adds(c) &&
           (c->given & narrowing) != 0;
}

static struct text begin_entry(const struct change *c, struct journal *j, const char *event,
                               const uint8_t *id, int64_t now)
{
    struct text entry = journal_entry(j, now, event);

    if (c->kind->put == NULL) {
        text_adds(&entry, " id=");
        text_add_hex(&entry, id, ID_SIZE);
    }
    text_adds(&entry, " by=uid:");
    text_add_u64(&entry, c->uid);
    line_put_u64(&entry, "pid", (uint64_t)c->pid);
    if (c->login != PEERCRED_NO_LOGIN) {
        text_adds(&entry, " login=uid:");
        text_add_u64(&entry, c->login);
    }
    return entry;
}

static bool is_update(const char *event)
{
    return strcmp(event, update_event) == 0;
}

void change_leave_same(struct change *c, const struct record *before)
{
    bool may_be = (c->kind->allow || is_update(c->kind->event)) && c->puts;

    c->is_so = may_be && record_equal(c->after, before);
    c->puts = c->puts && !c->is_so;
}

void change_set_before(struct change *c, const struct record *before)
{
    bool shows = is_update(change_event(c)) || (c->ends != NULL && is_update(c->ends));

    c->before = shows ? before : NULL;
}

/* Add an old value, unless the entry would become longer than a line. */
static void put_old(struct text *entry, const char *key, struct slice old, struct slice new)
{
    char bytes[4 * DESCRIPTION_MAX + 32];
    struct text t = text_in(bytes, sizeof(bytes));

    if (slice_equal(old, new))
        return;
    line_put(&t, key, old);
    if (entry->len + t.len <= OLD_WITHIN)
        text_add(entry, t.at, t.len);
    else
        line_puts(entry, key, "(long)");
}

static void put_old_end(struct text *entry, int64_t old, int64_t new)
{
    if (old == new)
        return;
    if (old == TIME_NEVER)
        line_puts(entry, "old_expires", "never");
    else
        line_put_time(entry, "old_expires", old);
}

/* Add what an update replaced. */
static void put_before(struct text *entry, const struct record *old, const struct record *new)
{
    if (old == NULL)
        return;
    put_old_end(entry, old->expires, new->expires);
    put_old(entry, "old_subject", record_subject(old), record_subject(new));
    put_old(entry, "old_scopes", record_scopes(old), record_scopes(new));
    put_old(entry, "old_description", record_description(old), record_description(new));
}

static void put_successor(struct text *entry, const struct record *r)
{
    if (!r->has_replaced_by)
        return;
    text_adds(entry, " replaced_by=");
    text_add_hex(entry, r->replaced_by, ID_SIZE);
}

/* Add where in the fleet's changes this one is; its group is among the claims. */
static void put_fleet(const struct change *c, struct text *entry)
{
    if (c->fleet_stage != CHANGE_SETTLED)
        return;
    if (!c->kind->shows_claims)
        line_put(entry, "group", record_group(c->after));
    if (c->fleet_outcome.place.serial == 0)
        return;
    text_adds(entry, " place=");
    fleet_place_put(entry, &c->fleet_outcome.place);
}

bool change_add_entry(const struct change *c, struct journal *j, struct slice claims, int64_t now)
{
    struct text entry = begin_entry(c, j, change_event(c), c->after->digest, now);

    if (c->kind->put != NULL) {
        c->kind->put(c, &entry);
        return journal_entry_end(j, &entry);
    }
    if (adds(c) && c->after->has_replaces) {
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
    put_fleet(c, &entry);
    bool shows_claims = c->event != NULL ? is_update(c->event) : c->kind->shows_claims;
    if (shows_claims)
        text_add(&entry, claims.at, claims.len);
    else if ((change_has_token(c) || c->notes) && c->after->subject_len > 0)
        line_put(&entry, "subject", record_subject(c->after));
    if (c->before != NULL && is_update(change_event(c)))
        put_before(&entry, c->before, c->after);
    return journal_entry_end(j, &entry);
}

bool change_add_end_entry(const struct change *c, struct journal *j, struct slice claims,
                          int64_t now)
{
    struct text entry = begin_entry(c, j, c->ends, c->found.digest, now);

    put_successor(&entry, &c->found);
    if (c->found.revoked == 0) {
        text_add(&entry, claims.at, claims.len);
        put_before(&entry, c->before, &c->found);
    } else if (c->found.subject_len > 0) {
        line_put(&entry, "subject", record_subject(&c->found));
    }
    return journal_entry_end(j, &entry);
}

/* Read a token, of the fleet only the one that the change is about. */
static enum store_found read_token(struct change *c, struct store *store, const uint8_t *id)
{
    if (c->fleet == NULL)
        return store_get(store, id, &c->found);
    if (memcmp(id, c->fleet->digest, ID_SIZE) != 0)
        return STORE_ABSENT;
    record_copy(&c->found, c->fleet);
    return STORE_FOUND;
}

enum store_found change_read(struct change *c, struct store *store, const uint8_t id[ID_SIZE])
{
    enum store_found found = read_token(c, store, id);

    c->has_read = found == STORE_FOUND && c->as_read != NULL;
    if (c->has_read)
        record_copy(c->as_read, &c->found);
    return found;
}

enum store_found change_find_or_twin(struct change *c, struct store *store,
                                     bool (*is)(const struct change *c))
{
    enum store_found found = change_read(c, store, c->want.digest);

    if (found == STORE_FOUND && is(c))
        return STORE_FOUND;
    if (found != STORE_FAILED && c->has_sha256) {
        found = change_read(c, store, c->sha256);
        if (found == STORE_FOUND && memcmp(c->found.digest, c->sha256, DIGEST_SIZE) == 0)
            return STORE_FOUND;
    }
    if (found == STORE_FAILED || !c->has_twin)
        return found == STORE_FAILED ? STORE_FAILED : STORE_ABSENT;
    found = change_read(c, store, c->id);
    return found == STORE_FOUND && !is(c) ? STORE_ABSENT : found;
}
