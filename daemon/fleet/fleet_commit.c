/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/fleet/fleet_cache.h"
#include "daemon/fleet/fleet_cache_private.h"

/* -- what the log has, in memory -------------------------------------------------------------- */

bool fleet_apply_reserve(struct fleet_cache *c, size_t entries, size_t unsent)
{
    return fleet_index_reserve(c->active, entries) && fleet_unsent_reserve(&c->unsent, unsent);
}

static void apply_entry(struct fleet_cache *c, struct slice bytes, uint64_t offset)
{
    struct fleet_indexed where = { .len = (uint16_t)bytes.len,
                                   .check = fleet_index_check(bytes),
                                   .offset = offset };

    memcpy(where.id, bytes.at, ID_SIZE);
    fleet_index_put(c->active, &where);
}

static bool apply_item(struct fleet_cache *c, const struct fleet_item *item, uint64_t offset)
{
    switch (item->kind) {
    case FLEET_ITEM_ENTRY:
        apply_entry(c, item->bytes, offset);
        return true;
    case FLEET_ITEM_UNSENT:
        if (item->unsent.number <= c->unsent.last)
            return false;
        fleet_unsent_add(&c->unsent, &item->unsent);
        return true;
    case FLEET_ITEM_SENT:
        fleet_unsent_remove(&c->unsent, item->number);
        return true;
    case FLEET_ITEM_PLACE:
        fleet_places_push(&c->places, &item->place);
        return true;
    case FLEET_ITEM_REWIND:
        return fleet_places_rewind(&c->places, &item->place);
    }
    return false;
}

bool fleet_apply(struct fleet_cache *c, struct slice piece, uint64_t offset)
{
    struct slice rest = piece;
    struct fleet_item item;

    while (fleet_item_take(&rest, &item))
        if (!apply_item(c, &item, offset + (uint64_t)(item.bytes.at - piece.at)))
            return false;
    return rest.len == 0;
}

/* -- staging ---------------------------------------------------------------------------------- */

int fleet_cache_put(struct fleet_cache *c, const struct fleet_entry *entry)
{
    struct fleet_indexed where = { .offset = c->staged.len + FLEET_ITEM_HEAD };

    if (!record_is_fleet(&entry->record))
        return -EINVAL;
    if (!fleet_index_reserve(c->staged_index, 1) || !fleet_batch_entry(&c->staged, entry))
        return -ENOMEM;
    memcpy(where.id, entry->record.digest, ID_SIZE);
    where.len = (uint16_t)(c->staged.len - where.offset);
    fleet_index_put(c->staged_index, &where);
    return 0;
}

bool fleet_cache_is_staged(const struct fleet_cache *c, const uint8_t id[ID_SIZE])
{
    return fleet_index_find(c->staged_index, id) != NULL;
}

void fleet_cache_abort(struct fleet_cache *c)
{
    fleet_batch_clear(&c->staged);
    fleet_index_clear(c->staged_index);
}

int fleet_cache_unsent_add(struct fleet_cache *c, struct fleet_unsent *denial)
{
    denial->number = c->numbered + 1;
    if (!fleet_batch_unsent(&c->staged, denial))
        return -ENOMEM;
    c->numbered++;
    return 0;
}

int fleet_cache_unsent_remove(struct fleet_cache *c, uint64_t number)
{
    const struct fleet_unsent *denial = number > 0 ? fleet_unsent_after(&c->unsent, number - 1) :
                                                     NULL;

    if (denial == NULL || denial->number != number)
        return -ENOENT;
    return fleet_batch_sent(&c->staged, number) ? 0 : -ENOMEM;
}

bool fleet_cache_unsent_next(const struct fleet_cache *c, uint64_t *after,
                             struct fleet_unsent *denial)
{
    const struct fleet_unsent *next = fleet_unsent_after(&c->unsent, *after);

    if (next == NULL)
        return false;
    *denial = *next;
    *after = next->number;
    return true;
}

size_t fleet_cache_unsent_count(const struct fleet_cache *c)
{
    return c->unsent.count;
}

/* -- committing ------------------------------------------------------------------------------- */

static int no_memory(struct fleet_cache *c)
{
    problem_set(&c->problem, STATUS_STORE, "no memory for fleet cache %.120s", c->path);
    return -ENOMEM;
}

/* What is found in the log was checked when it was staged. */
int fleet_settle(struct fleet_cache *c)
{
    if (!c->in_doubt)
        return 0;
    if (!fleet_apply_reserve(c, c->doubt.entries, c->doubt.unsent))
        return no_memory(c);
    if (!wal_reopen(c->wal, &c->problem))
        return -EIO;
    if (wal_next(c->wal) > c->doubt_serial)
        fleet_apply(c, c->doubt_piece, wal_body_offset(c->wal));
    c->in_doubt = false;
    fleet_batch_clear(&c->doubt);
    return 0;
}

/* Keep the piece until it is known whether it is in the log. */
static int doubt(struct fleet_cache *c, struct slice piece, uint64_t serial)
{
    struct fleet_batch empty = c->doubt;

    c->doubt = c->staged;
    c->staged = empty;
    c->doubt_piece = piece;
    c->doubt_serial = serial;
    c->in_doubt = true;
    return -EIO;
}

/* Append a piece, for which a compaction makes space if there is none: the one that is running, and another if what came
 * meanwhile has filled the log. */
static int append(struct fleet_cache *c, struct slice piece)
{
    enum wal_result result = WAL_FULL;
    const uint64_t serial = wal_next(c->wal);

    for (int tries = 0; tries < 3 && result == WAL_FULL; tries++) {
        if (tries > 0 && !fleet_compact_now(c))
            return -ENOSPC;
        if (!fleet_apply_reserve(c, c->staged.entries, c->staged.unsent))
            return no_memory(c);
        result = wal_append(c->wal, 1, piece, &c->problem);
    }
    if (result == WAL_DONE)
        return fleet_apply(c, piece, wal_body_offset(c->wal)) ? 0 : -EIO;
    return result == WAL_FAILED ? doubt(c, piece, serial) : -ENOSPC;
}

static int append_all(struct fleet_cache *c)
{
    struct slice piece;
    size_t at = 0;
    int error = 0;

    while (error == 0 && fleet_batch_piece(&c->staged, &at, wal_batch_max(c->wal), &piece))
        error = append(c, piece);
    return error;
}

/* Have everything that is saved on the disk for certain. */
static int make_sure(struct fleet_cache *c)
{
    int error = fleet_settle(c);

    if (error == 0 && c->unsure && !fleet_compact_now(c))
        return -EIO;
    return error;
}

static int commit(struct fleet_cache *c)
{
    int error = make_sure(c);

    if (error == 0)
        error = append_all(c);
    fleet_cache_abort(c);
    return error;
}

int fleet_cache_commit(struct fleet_cache *c, const struct fleet_place *place)
{
    const struct fleet_place now = fleet_cache_place(c);
    int error = 0;

    if (place != NULL && c->stream != NULL)
        error = -EBUSY;
    else if (place != NULL && place->serial > 0 && !fleet_place_equal(place, &now) &&
             !fleet_batch_place(&c->staged, FLEET_ITEM_PLACE, place))
        error = no_memory(c);
    if (error == 0)
        return commit(c);
    fleet_cache_abort(c);
    return error;
}

/* -- places ----------------------------------------------------------------------------------- */

struct fleet_place fleet_cache_place(const struct fleet_cache *c)
{
    return fleet_places_newest(&c->places);
}

size_t fleet_cache_places(const struct fleet_cache *c, uint64_t before, struct fleet_place *places,
                          size_t max)
{
    size_t left = before > 0 ? fleet_places_below(&c->places, before) : c->places.count, count = 0;

    while (left > 0 && count < max)
        places[count++] = *fleet_places_at(&c->places, --left);
    return count;
}

int fleet_cache_rewind(struct fleet_cache *c, const struct fleet_place *place)
{
    int error = c->stream != NULL ? -EBUSY : make_sure(c);

    if (error != 0)
        return error;
    if (!fleet_places_has(&c->places, place))
        return -ENOENT;
    if (!fleet_batch_place(&c->staged, FLEET_ITEM_REWIND, place))
        return no_memory(c);
    return commit(c);
}
