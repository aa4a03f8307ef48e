/* SPDX-License-Identifier: Apache-2.0 */
/* The file has a record for each token that was refused, under its id, and a map with a bit for each
 * beginning of such an id, so that most tokens need no look into it. */
#include "daemon/writer/refused.h"

#include <stdlib.h>

#include "daemon/base/journald.h"

enum {
    TAKE_TOKENS = 512,    /* in a step: another set is taken while there are fewer */
    REPORTS = 16,         /* reuses reported in a step */
    REPORT_SECONDS = 600, /* between two reports of one token */
    MAP_BYTES = 65536 / 8,
};

/* As it is in the file. */
struct stored {
    uint64_t count;
    uint64_t reused;
    int64_t last;
    int64_t last_reused;
    int64_t reported; /* the last time that its reuse was */
    uint32_t by;
    uint32_t reason;
};

struct refused {
    struct refusals *refusals;
    struct last_used *file;
    unsigned next; /* set to be taken */
    unsigned reports;
    bool map_changed;
    uint8_t map[MAP_BYTES];
    struct refusal taken[REFUSALS_TAKEN_MAX];
};

static const struct slice map_key = SLICE("refused");

static struct slice key_of(const uint8_t id[ID_SIZE])
{
    return (struct slice){ (const char *)id, ID_SIZE };
}

struct refused *refused_new(struct refusals *refusals, struct last_used *file)
{
    struct refused *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->refusals = refusals;
    r->file = file;
    last_used_fetch(file, map_key, r->map, sizeof(r->map));
    return r;
}

void refused_free(struct refused *r)
{
    free(r);
}

/* -- the file -------------------------------------------------------------------------------- */

static unsigned bit_of(const uint8_t id[ID_SIZE])
{
    return (unsigned)id[0] << 8 | id[1];
}

static bool may_have(const struct refused *r, const uint8_t id[ID_SIZE])
{
    return (r->map[bit_of(id) / 8] >> bit_of(id) % 8 & 1) != 0;
}

/* False for what this version did not write: the file survives a power failure as it may. */
static bool is_whole(const struct stored *stored)
{
    return stored->reason < STATUS_COUNT &&
           status_row((enum status)stored->reason)->kind == ANSWER_NO;
}

static void get_stored(struct refused *r, const uint8_t id[ID_SIZE], struct stored *stored)
{
    if (!may_have(r, id) || !last_used_fetch(r->file, key_of(id), stored, sizeof(*stored)) ||
        !is_whole(stored))
        *stored = (struct stored){ 0 };
}

static bool put_stored(struct refused *r, const uint8_t id[ID_SIZE], const struct stored *stored)
{
    uint8_t *byte = &r->map[bit_of(id) / 8], bit = (uint8_t)(1 << bit_of(id) % 8);

    r->map_changed = r->map_changed || (*byte & bit) == 0;
    *byte |= bit;
    return last_used_put(r->file, key_of(id), stored, sizeof(*stored));
}

void refused_get(struct refused *r, const uint8_t id[ID_SIZE], struct refused_token *token)
{
    struct stored stored;

    get_stored(r, id, &stored);
    *token = (struct refused_token){
        .refusal = {
            .reason = (uint8_t)stored.reason,
            .by = stored.by,
            .last = stored.last,
            .count = stored.count,
        },
        .reused = stored.reused,
        .last_reused = stored.last_reused,
    };
    refusals_look(r->refusals, id, &token->refusal);
}

void refused_remove(struct refused *r, const uint8_t id[ID_SIZE])
{
    refusals_forget(r->refusals, id);
    if (may_have(r, id))
        last_used_delete(r->file, key_of(id));
}

/* -- reuse ----------------------------------------------------------------------------------- */

static void report(struct refused *r, const struct refusal *refusal, struct stored *stored,
                   const struct record *record, int64_t now)
{
    const struct journald_entry entry = {
        .kind = JOURNALD_REUSED,
        .id = refusal->id,
        .uid = refusal->by,
    };
    char id[ID_TEXT + 1], replaced_by[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT), by = text_in(replaced_by, ID_TEXT);

    bool due = stored->reported == 0 || stored->reported > now ||
               now - stored->reported >= REPORT_SECONDS;
    if (!due || r->reports == REPORTS)
        return;
    r->reports++;
    stored->reported = now;
    text_add_hex(&t, refusal->id, ID_SIZE);
    id[t.len] = '\0';
    if (record->has_replaced_by)
        text_add_hex(&by, record->replaced_by, ID_SIZE);
    replaced_by[by.len] = '\0';
    journald_report(&entry,
                    "verify: the value of token %s was presented by uid %u after its rotation%s%s: "
                    "somebody still has it (%llu times so far)",
                    id, (unsigned)refusal->by, by.len > 0 ? ", which made " : "", replaced_by,
                    (unsigned long long)stored->reused);
}

/* Count a token that was rotated, and has ended, as presented again. */
static void look_for_reuse(struct refused *r, struct store *store, const struct refusal *refusal,
                           struct stored *stored, int64_t now)
{
    struct record record;

    if (refusal->ended == 0 || store_get(store, refusal->id, &record) != STORE_FOUND ||
        (!record.has_replaced_by && record.rotated == 0))
        return;
    stored->reused += refusal->ended;
    stored->last_reused = refusal->last;
    refusals_count_reuse(r->refusals, refusal->ended);
    report(r, refusal, stored, &record, now);
}

/* -- steps ----------------------------------------------------------------------------------- */

static bool take_in(struct refused *r, struct store *store, const struct refusal *refusal,
                    int64_t now)
{
    struct stored stored;

    get_stored(r, refusal->id, &stored);
    stored.count += refusal->count;
    stored.last = refusal->last;
    stored.by = refusal->by;
    stored.reason = refusal->reason;
    look_for_reuse(r, store, refusal, &stored, now);
    return put_stored(r, refusal->id, &stored);
}

/* Take one set in; return how many tokens that were. */
static size_t take_set(struct refused *r, struct store *store, int64_t now)
{
    size_t count = refusals_take(r->refusals, r->next, r->taken);

    r->next = (r->next + 1) % refusals_sets(r->refusals);
    if (count == 0)
        return 0;
    bool ok = last_used_begin(r->file);
    for (size_t i = 0; i < count; i++)
        ok = take_in(r, store, &r->taken[i], now) && ok;
    if (ok && r->map_changed)
        ok = last_used_put(r->file, map_key, r->map, sizeof(r->map));
    r->map_changed = !last_used_commit(r->file, ok); /* after a failure the file may be a new one */
    return count;
}

void refused_step(struct refused *r, struct store *store, int64_t now)
{
    size_t taken = 0;

    r->reports = 0;
    for (unsigned i = 0; i < refusals_sets(r->refusals) && taken < TAKE_TOKENS; i++)
        taken += take_set(r, store, now);
}

void refused_flush(struct refused *r, struct store *store, int64_t now)
{
    for (unsigned i = 0; i < refusals_sets(r->refusals); i++)
        take_set(r, store, now);
}
