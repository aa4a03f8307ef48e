/* SPDX-License-Identifier: Apache-2.0 */
/* Growth builds the next generation, without tombstones and unused strings, and retires the old
 * one.  Slots of both are in the order of the digests, or of their hashes by one seed, so that copying
 * walks both tables from front to back. */
#include "daemon/table/token_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/table/generation.h"
#include "daemon/table/held_tables.h"
#include "daemon/table/lease.h"
#include "daemon/table/slot_count.h"

enum { USED_SECONDS = 60, ARENA_MIN = 64 * 1024 }; /* seconds between writes of a last use */
enum { COLLAPSER = TOKEN_TABLE_READERS_MAX, READERS };
#define ARENA_MAX (UINT64_C(0xffffffff) - 4095) /* references have 32 bits */

struct token_table {
    pthread_mutex_t mutex;
    _Atomic(struct generation *) current;
    struct generation *retired;
    struct held_tables held; /* by clients */
    struct {                 /* what any thread may read of that */
        _Atomic uint64_t count;
        _Atomic uint64_t bytes;
        atomic_bool too_many;
    } shown;
    bool withheld;                        /* the log tells that it is not handed out */
    atomic_bool keeps_bans;               /* changed with the mutex held */
    struct pending_denies pending_denies; /* disables that are not answered yet */
    char prefix[PREFIX_MAX + 1];
    struct {
        _Alignas(64) _Atomic(struct generation *) generation; /* that it uses; or NULL */
    } reader[READERS];
};

/* -- generations ----------------------------------------------------------------------------- */

static struct generation *current(struct token_table *t)
{
    return atomic_load(&t->current);
}

static bool show_held(struct token_table *t)
{
    bool too_many = held_tables_are_too_many(&t->held, current(t)->table.total_size);

    atomic_store(&t->shown.count, t->held.count);
    atomic_store(&t->shown.bytes, t->held.bytes);
    atomic_store(&t->shown.too_many, too_many);
    return too_many;
}

/* Free the retired generations that no reader uses. */
static void reap(struct token_table *t)
{
    for (struct generation **link = &t->retired; *link != NULL;) {
        struct generation *g = *link;
        bool in_use = false;
        for (int i = 0; i < READERS; i++)
            in_use = in_use || atomic_load(&t->reader[i].generation) == g;
        if (in_use) {
            link = &g->next_retired;
        } else {
            *link = g->next_retired;
            held_tables_free(&t->held, g);
        }
    }
    show_held(t);
}

/* Replace the current generation by one of that size, if `tokens` more fit into it.  The mutex is held. */
static int replace(struct token_table *t, uint32_t slots, uint64_t arena, uint64_t tokens,
                   uint64_t bytes, uint64_t strings)
{
    struct generation *old = current(t);
    struct generation *new = generation_new(t->prefix, old->number + 1, slots, arena);

    if (new == NULL)
        return -errno;
    if (!string_table_reserve(&new->strings, &new->table, old->strings.count + strings)) {
        generation_free(new);
        return -ENOMEM;
    }
    generation_copy(new, old, t->keeps_bans);
    if (!generation_can_add(new, tokens, bytes)) {
        generation_free(new);
        return -ENOSPC;
    }
    lease_renew(new->header);
    atomic_store(&t->current, new);
    atomic_store(&old->header->state, TABLE_SUPERSEDED);
    old->next_retired = t->retired;
    t->retired = old;
    reap(t);
    return 0;
}

/* Replace the current generation by one into which `tokens` more fit, with so many more strings.  The mutex is held. */
static int grow(struct token_table *t, uint64_t tokens, uint64_t bytes, uint64_t strings)
{
    const struct generation *old = current(t);
    uint64_t arena = 2 * (old->strings.arena_used + string_table_bytes(tokens, bytes));

    if ((old->present + tokens) * 100 > (uint64_t)SLOT_COUNT_MAX * TABLE_LOAD_MAX)
        return -ENOSPC;
    if (arena > ARENA_MAX)
        arena = ARENA_MAX;
    return replace(t, slot_count_after_growth(old->present + tokens),
                   arena < ARENA_MIN ? ARENA_MIN : arena, tokens, bytes, strings);
}

bool token_table_can_add(struct token_table *t, uint64_t tokens, uint64_t bytes)
{
    pthread_mutex_lock(&t->mutex);
    bool fits = generation_can_add(current(t), tokens, bytes) &&
                string_table_can_add(&current(t)->strings, 2 * tokens);
    pthread_mutex_unlock(&t->mutex);
    return fits;
}

int token_table_reserve(struct token_table *t, uint64_t tokens, uint64_t bytes)
{
    int error = 0;

    pthread_mutex_lock(&t->mutex);
    if (!generation_can_add(current(t), tokens, bytes))
        error = grow(t, tokens, bytes, 2 * tokens);
    struct generation *g = current(t);
    if (error == 0 && !string_table_reserve(&g->strings, &g->table, 2 * tokens))
        error = -ENOMEM;
    pthread_mutex_unlock(&t->mutex);
    return error;
}

int token_table_expect(struct token_table *t, uint64_t tokens)
{
    pthread_mutex_lock(&t->mutex);
    int error = generation_can_add(current(t), tokens, 0) ? 0 : grow(t, tokens, 0, 0);
    pthread_mutex_unlock(&t->mutex);
    return error;
}

int token_table_recall(struct token_table *t)
{
    pthread_mutex_lock(&t->mutex);
    const struct generation *old = current(t);
    int error = replace(t, old->table.slot_count, old->table.arena_size, 0, 0, 0);
    pthread_mutex_unlock(&t->mutex);
    return error;
}

struct token_table *token_table_new(const char *prefix, uint64_t tokens)
{
    struct token_table *t = aligned_alloc(64, sizeof(*t));

    if (t == NULL)
        return NULL;
    memset(t, 0, sizeof(*t));
    snprintf(t->prefix, sizeof(t->prefix), "%s", prefix);
    struct generation *g = generation_new(prefix, 1, slot_count_at_start(tokens),
                                          ARENA_MIN + 16 * tokens);
    if (g == NULL) {
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->mutex, NULL);
    lease_renew(g->header);
    atomic_store(&t->current, g);
    return t;
}

void token_table_free(struct token_table *t)
{
    if (t == NULL)
        return;
    reap(t); /* first: it looks at the current one */
    generation_free(current(t));
    held_tables_clear(&t->held);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* -- changes --------------------------------------------------------------------------------- */

void token_table_put(struct token_table *t, const struct record *record)
{
    token_table_put_all(t, record, 1);
}

void token_table_put_all(struct token_table *t, const struct record *records, size_t count)
{
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; i < count; i++)
        generation_put(current(t), &records[i]);
    pthread_mutex_unlock(&t->mutex);
}

/* Clear and set flags of a token; false if it is not there.  While a denial of it is pending, a
 * call that sets nothing clears nothing either. */
static bool change_flags(struct token_table *t, const uint8_t id[ID_SIZE], uint32_t clear,
                         uint32_t set, struct pending_deny *pending)
{
    pthread_mutex_lock(&t->mutex);
    if (pending != NULL)
        pending_deny_begin(&t->pending_denies, pending, id);
    if (set == 0 && pending_deny_exists(&t->pending_denies, id))
        clear = 0;
    struct generation *g = current(t);
    struct place place = generation_place(g, id);
    if (place.found) {
        struct slot_values v = generation_read(g, place.slot);
        v.flags = (v.flags & ~clear) | set;
        generation_write(g, place, &v);
    }
    pthread_mutex_unlock(&t->mutex);
    return place.found;
}

void token_table_remove(struct token_table *t, const uint8_t id[ID_SIZE])
{
    change_flags(t, id, UINT32_MAX, SLOT_TOMBSTONE, NULL);
}

int token_table_keep_bans(struct token_table *t, bool keep)
{
    int error = 0;

    pthread_mutex_lock(&t->mutex);
    bool drop = t->keeps_bans && !keep;
    const struct generation *old = current(t);
    t->keeps_bans = keep;
    if (drop)
        error = replace(t, old->table.slot_count, old->table.arena_size, 0, 0, 0);
    pthread_mutex_unlock(&t->mutex);
    return error;
}

bool token_table_keeps_bans(const struct token_table *t)
{
    return atomic_load(&t->keeps_bans);
}

bool token_table_deny(struct token_table *t, const uint8_t id[ID_SIZE], uint32_t flag,
                      struct pending_deny *pending)
{
    return change_flags(t, id, 0, flag, pending);
}

void token_table_deny_end(struct token_table *t, struct pending_deny *pending)
{
    pthread_mutex_lock(&t->mutex);
    pending_deny_end(pending);
    pthread_mutex_unlock(&t->mutex);
}

void token_table_allow(struct token_table *t, const uint8_t id[ID_SIZE])
{
    change_flags(t, id, SLOT_DISABLED, 0, NULL);
}

uint32_t token_table_look(struct token_table *t, const uint8_t id[ID_SIZE],
                          uint8_t digest[DIGEST_SIZE], int64_t *used)
{
    uint32_t flags = 0;

    pthread_mutex_lock(&t->mutex);
    struct generation *g = current(t);
    struct place place = generation_place(g, id);
    if (place.found) {
        struct slot_values v = generation_read(g, place.slot);
        memcpy(digest, v.digest, DIGEST_SIZE);
        flags = v.flags;
        *used = atomic_load_explicit(&g->used[place.slot], memory_order_relaxed);
    }
    pthread_mutex_unlock(&t->mutex);
    return flags;
}

/* -- what others see ------------------------------------------------------------------------- */

bool token_table_is_withheld(struct token_table *t)
{
    return atomic_load(&t->shown.too_many);
}

void token_table_renew_lease(struct token_table *t)
{
    pthread_mutex_lock(&t->mutex);
    lease_renew(current(t)->header);
    reap(t);
    held_tables_check(&t->held);
    bool before = t->withheld;
    bool withheld = t->withheld = show_held(t);
    uint64_t bytes = t->held.bytes;
    pthread_mutex_unlock(&t->mutex);
    if (withheld && !before)
        log_warning(
            "table: clients hold old tables of %llu bytes: the table is not handed out until "
            "they let go; they and others ask over the socket",
            (unsigned long long)bytes);
    else if (before && !withheld)
        log_info("table: it is handed out again");
}

void token_table_close(struct token_table *t)
{
    pthread_mutex_lock(&t->mutex);
    atomic_store(&current(t)->header->state, TABLE_CLOSED);
    lease_end(current(t)->header);
    pthread_mutex_unlock(&t->mutex);
}

struct token_table_figures token_table_figures_of(struct token_table *t, const struct generation *g)
{
    return (struct token_table_figures){
        .tokens = g->present - g->no_tokens,
        .slots = g->table.slot_count,
        .bytes = g->table.total_size,
        .generation = g->number,
        .held = atomic_load(&t->shown.count),
        .held_bytes = atomic_load(&t->shown.bytes),
    };
}

struct token_table_figures token_table_figures(struct token_table *t)
{
    pthread_mutex_lock(&t->mutex);
    struct token_table_figures figures = token_table_figures_of(t, current(t));
    pthread_mutex_unlock(&t->mutex);
    return figures;
}

/* Publish a hazard pointer: a generation that is still current after that is not freed. */
static struct generation *enter(struct token_table *t, unsigned reader)
{
    struct generation *g = current(t);

    for (;;) {
        atomic_store(&t->reader[reader].generation, g);
        struct generation *now = current(t);
        if (now == g)
            return g;
        g = now;
    }
}

const struct generation *token_table_enter(struct token_table *t, unsigned reader)
{
    return enter(t, reader);
}

void token_table_leave(struct token_table *t, unsigned reader)
{
    atomic_store_explicit(&t->reader[reader].generation, NULL, memory_order_release);
}

const struct table *token_table_table(const struct generation *g)
{
    return &g->table;
}

bool token_table_collapse(struct token_table *t)
{
    bool some = generation_collapse(enter(t, COLLAPSER));

    token_table_leave(t, COLLAPSER);
    return some;
}

void token_table_touch(const struct generation *g, uint32_t slot, int64_t now)
{
    uint32_t last = atomic_load_explicit(&g->used[slot], memory_order_relaxed);

    if (now - last >= USED_SECONDS)
        atomic_store_explicit(&g->used[slot], (uint32_t)now, memory_order_relaxed);
}

struct generation *token_table_lock(struct token_table *t)
{
    pthread_mutex_lock(&t->mutex);
    return current(t);
}

void token_table_unlock(struct token_table *t)
{
    pthread_mutex_unlock(&t->mutex);
}

void token_table_wait_for_writer(struct token_table *t)
{
    token_table_lock(t);
    token_table_unlock(t);
}
