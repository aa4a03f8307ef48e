/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/batch_queue.h"
#include "daemon/fleet/fleet_cache.h"
#include "daemon/fleet/fleet_cache_private.h"

#define LOG_SUFFIX ".wal" /* daemon/store/wal_file.h */

enum { LOG_SEGMENTS = 4 };

static bool open_files(struct fleet_cache *c, const struct wal_shape *shape,
                       struct problem *problem);

/* -- opening ---------------------------------------------------------------------------------- */

static bool refuse(const struct fleet_cache *c, const char *why, struct problem *problem)
{
    problem_set(problem, STATUS_STORE, "fleet cache %.120s %s", c->path, why);
    return false;
}

/* Say what to do about files that are damaged. */
static void advise(struct problem *problem)
{
    char why[sizeof(problem->message)];

    if (problem->status == STATUS_BUSY)
        return;
    snprintf(why, sizeof(why), "%s", problem->message);
    problem_set(
        problem, STATUS_STORE,
        "%.140s; without STORE.fleet and STORE.fleet.wal a new one is made, but denials not "
        "sent yet are lost",
        why);
}

static struct fleet_cache *new_cache(void)
{
    struct fleet_cache *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->log = -1;
    c->active = fleet_index_new();
    c->staged_index = fleet_index_new();
    if (c->active != NULL && c->staged_index != NULL && fleet_places_init(&c->places) &&
        fleet_places_init(&c->frozen_places))
        return c;
    fleet_cache_close(c);
    return NULL;
}

struct fleet_cache *fleet_cache_open_shape(const char *store, const struct wal_shape *shape,
                                           struct problem *problem)
{
    struct fleet_cache *c = new_cache();

    if (c == NULL) {
        problem_set(problem, STATUS_STORE, "no memory for a fleet's cache");
        return NULL;
    }
    size_t len = (size_t)snprintf(c->path, sizeof(c->path), "%s.fleet", store);
    if (len + sizeof(".dropped.new") >= sizeof(c->path)) {
        problem_set(problem, STATUS_STORE, "the store's path is too long");
    } else if (open_files(c, shape, problem)) {
        c->numbered = c->unsent.last;
        return c;
    } else {
        advise(problem);
    }
    fleet_cache_close(c);
    return NULL;
}

struct fleet_cache *fleet_cache_open(const char *store, uint64_t log_size, struct problem *problem)
{
    const uint64_t segment = log_size / LOG_SEGMENTS;
    const struct wal_shape shape = {
        LOG_SEGMENTS,
        segment < WAL_SIZE_MAX ? (uint32_t)segment / WAL_BLOCK * WAL_BLOCK : WAL_SIZE_MAX,
    };

    return fleet_cache_open_shape(store, &shape, problem);
}

void fleet_cache_close(struct fleet_cache *c)
{
    if (c == NULL)
        return;
    fleet_cache_snapshot_abort(c);
    fleet_end_compaction(c, true);
    wal_close(c->wal);
    if (c->log >= 0)
        close(c->log);
    fleet_snapshot_close(c->snapshot);
    fleet_index_free(c->active);
    fleet_index_free(c->frozen);
    fleet_index_free(c->staged_index);
    fleet_places_free(&c->places);
    fleet_places_free(&c->frozen_places);
    fleet_unsent_free(&c->unsent);
    fleet_unsent_free(&c->frozen_unsent);
    fleet_batch_free(&c->staged);
    fleet_batch_free(&c->doubt);
    free(c);
}

struct replay {
    struct wal_visitor visitor;
    struct fleet_cache *cache;
};

static bool replay_one(struct wal_visitor *visitor, uint64_t first, uint32_t count,
                       struct slice body)
{
    struct fleet_cache *c = ((struct replay *)visitor)->cache;
    struct slice rest = body;
    struct fleet_item item;
    size_t entries = 0, unsent = 0;

    (void)first;
    (void)count;
    while (fleet_item_take(&rest, &item)) {
        entries += item.kind == FLEET_ITEM_ENTRY;
        unsent += item.kind == FLEET_ITEM_UNSENT;
    }
    return fleet_apply_reserve(c, entries, unsent) && fleet_apply(c, body, wal_body_offset(c->wal));
}

/* Make the file of a snapshot that has nothing, for a log that has nothing yet. */
static bool make_snapshot(struct fleet_cache *c, struct problem *problem)
{
    struct fleet_writing w;
    int error = fleet_writing_begin(&w, c->path, wal_epoch(c->wal), 1);

    if (error == 0)
        error = fleet_writing_finish(&w, &c->places, &c->unsent);
    if (error == 0 && fleet_writing_publish(&w) != FLEET_PUBLISHED)
        error = -errno;
    fleet_writing_end(&w);
    return (error == 0 || refuse(c, strerror(-error), problem)) &&
           fleet_snapshot_open(c->path, &c->snapshot, NULL, NULL, problem) == STORE_FOUND;
}

/* The log is made first, so a snapshot always has one. */
static bool begin_both(struct fleet_cache *c, const struct wal_shape *shape,
                       struct problem *problem)
{
    uint8_t random[EPOCH_TEXT / 2];
    char epoch[EPOCH_TEXT + 1];

    randombytes_buf(random, sizeof(random));
    sodium_bin2hex(epoch, sizeof(epoch), random, sizeof(random));
    return wal_begin(c->wal, epoch, 1, shape, problem) && make_snapshot(c, problem);
}

/* A crash behind the making of the log left it alone, and without a batch. */
static bool begin_snapshot(struct fleet_cache *c, struct problem *problem)
{
    if (!wal_read(c->wal, 1, NULL, problem))
        return false;
    if (wal_next(c->wal) > 1)
        return refuse(c, "is missing, and its log is there", problem);
    return make_snapshot(c, problem);
}

/* Read what the log has beyond the snapshot.  If that has all of it, and more, the log goes on there. */
static bool replay(struct fleet_cache *c, const struct wal_shape *shape, struct problem *problem)
{
    const uint64_t next = c->snapshot->head.next;
    struct replay r = { .visitor.visit = replay_one, .cache = c };

    if (strcmp(wal_epoch(c->wal), c->snapshot->head.epoch) != 0)
        return refuse(c,
                      wal_epoch(c->wal)[0] == '\0' ? "has lost its log" :
                                                     "has the log of another cache",
                      problem);
    if (!wal_read(c->wal, next, &r.visitor, problem))
        return false;
    return wal_next(c->wal) >= next ||
           wal_begin(c->wal, c->snapshot->head.epoch, next, shape, problem);
}

static bool open_log(struct fleet_cache *c, struct problem *problem)
{
    char name[PATH_MAX + sizeof(LOG_SUFFIX)];

    snprintf(name, sizeof(name), "%s" LOG_SUFFIX, c->path);
    c->log = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    return c->log >= 0 || refuse(c, strerror(errno), problem);
}

/* What has a name now may have it in memory only: the process that gave it may have ended before it was synced. */
static bool sync_names(struct fleet_cache *c, struct problem *problem)
{
    return tdb_file_sync_directory(c->path) || refuse(c, strerror(errno), problem);
}

static bool open_files(struct fleet_cache *c, const struct wal_shape *shape,
                       struct problem *problem)
{
    c->wal = wal_open(c->path, WAL_WRITE, problem);
    if (c->wal == NULL)
        return false;
    enum store_found found = fleet_snapshot_open(c->path, &c->snapshot, &c->places, &c->unsent,
                                                 problem);
    if (found == STORE_FAILED)
        return false;
    bool done = found == STORE_FOUND         ? replay(c, shape, problem) :
                wal_epoch(c->wal)[0] == '\0' ? begin_both(c, shape, problem) :
                                               begin_snapshot(c, problem);
    return done && open_log(c, problem) && sync_names(c, problem);
}

/* -- reading ---------------------------------------------------------------------------------- */

static enum store_found cannot_read(struct fleet_cache *c, const char *why)
{
    refuse(c, why, &c->problem);
    return STORE_FAILED;
}

enum store_found fleet_find_logged(struct fleet_cache *c, const struct fleet_index *index,
                                   const uint8_t id[ID_SIZE], struct fleet_entry *entry)
{
    const struct fleet_indexed *where = index != NULL ? fleet_index_find(index, id) : NULL;
    char bytes[FLEET_ENTRY_MAX];

    if (where == NULL)
        return STORE_ABSENT;
    const char *why = fleet_log_read(c->log, where, bytes);
    if (why == NULL)
        why = fleet_entry_read(entry, (struct slice){ bytes, where->len });
    return why == NULL ? STORE_FOUND : cannot_read(c, why);
}

static enum store_found find_staged(struct fleet_cache *c, const uint8_t id[ID_SIZE],
                                    struct fleet_entry *entry)
{
    const struct fleet_indexed *where = fleet_index_find(c->staged_index, id);

    if (where == NULL)
        return STORE_ABSENT;
    const char *why = fleet_entry_read(entry, (struct slice){ c->staged.bytes + where->offset,
                                                              where->len });
    return why == NULL ? STORE_FOUND : cannot_read(c, why);
}

enum store_found fleet_cache_find(struct fleet_cache *c, const uint8_t id[ID_SIZE],
                                  struct fleet_entry *entry)
{
    const char *why;
    enum store_found found = find_staged(c, id, entry);

    if (found == STORE_ABSENT)
        found = fleet_find_logged(c, c->active, id, entry);
    if (found == STORE_ABSENT)
        found = fleet_find_logged(c, c->frozen, id, entry);
    if (found != STORE_ABSENT)
        return found;
    found = fleet_snapshot_find(c->snapshot, id, entry, &why);
    return found == STORE_FAILED ? cannot_read(c, why) : found;
}

struct each {
    struct fleet_visitor *visitor;
    struct fleet_entry entry;
    const char *why; /* NULL: the visitor wanted no more */
    struct fleet_walk walk;
};

/* Runs in the queue's thread. */
static bool visit(void *each, struct slice bytes, struct slice nothing)
{
    struct each *e = each;
    struct fleet_entry *entry = e->visitor->entry != NULL ? e->visitor->entry : &e->entry;

    (void)nothing;
    e->why = fleet_entry_read(entry, bytes);
    return e->why == NULL && e->visitor->visit(e->visitor, entry);
}

/* Read on this thread, and parse on the queue's. */
static bool walk_all(struct fleet_cache *c, struct each *e, struct problem *problem)
{
    struct batch_queue *queue = batch_queue_new(visit, e);
    enum fleet_walked walked = FLEET_WALK_ENTRY;
    bool wanted = true;
    struct slice entry;

    if (queue == NULL)
        return refuse(c, "cannot be read: no memory", problem);
    while (wanted && (walked = fleet_walk_next(&e->walk, &entry)) == FLEET_WALK_ENTRY)
        wanted = batch_queue_put(queue, entry, (struct slice)SLICE(""));
    wanted = batch_queue_finish(queue) && wanted;
    if (!wanted)
        return refuse(c, e->why != NULL ? e->why : "was not read to its end", problem);
    return walked == FLEET_WALK_END || refuse(c, e->walk.fault, problem);
}

bool fleet_cache_each(struct fleet_cache *c, struct fleet_visitor *visitor, struct problem *problem)
{
    struct each *e = calloc(1, sizeof(*e));

    fleet_end_compaction(c, true);
    if (e == NULL || !fleet_unfreeze(c) ||
        !fleet_walk_begin(&e->walk, c->snapshot, c->active, c->log)) {
        free(e);
        return refuse(c, "cannot be read: no memory", problem);
    }
    e->visitor = visitor;
    bool done = walk_all(c, e, problem);
    fleet_walk_end(&e->walk);
    free(e);
    return done;
}

uint64_t fleet_cache_count(const struct fleet_cache *c)
{
    return c->snapshot->head.entries + fleet_index_count(c->active) +
           (c->frozen != NULL ? fleet_index_count(c->frozen) : 0);
}

uint64_t fleet_cache_bytes(const struct fleet_cache *c)
{
    return fleet_head_file_blocks(&c->snapshot->head) * FLEET_BLOCK + wal_capacity(c->wal);
}

const struct problem *fleet_cache_problem(const struct fleet_cache *c)
{
    return &c->problem;
}
