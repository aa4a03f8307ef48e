/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot from the database is merged, as it comes, with what is here: the file and the frozen index. What
 * is committed meanwhile is in the log beyond both; so that it cannot undo what the new file has, it is merged
 * with that at the end, and committed again, before the file gets its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/fleet/fleet_bytes.h"
#include "daemon/fleet/fleet_cache.h"
#include "daemon/fleet/fleet_cache_private.h"

enum { SPILL = 64 * 1024 };

/* What is dropped is noted in a file without a name, to be reported at the end. */
struct spill {
    int fd; /* -1: nothing is noted yet */
    uint64_t size;
    size_t used;
    char bytes[SPILL];
};

struct fleet_stream {
    struct fleet_walk walk;
    struct fleet_writing writing;
    struct spill dropped;
    struct slice here; /* the next entry that is here; at == NULL: none */
    uint8_t last[ID_SIZE];
    bool begun; /* an entry was put */
    int error;  /* what made it fail */
    struct fleet_entry had, comes;
};

static int fail(struct fleet_cache *c, int error, const char *why)
{
    problem_set(&c->problem, STATUS_STORE, "a snapshot for fleet cache %.100s cannot be taken: %s",
                c->path, why);
    if (c->stream != NULL)
        c->stream->error = error;
    return error;
}

static int failed(struct fleet_cache *c, int error)
{
    return error < 0 ? fail(c, error, strerror(-error)) : 0;
}

/* -- beginning and giving up ------------------------------------------------------------------ */

/* Go to the next entry that is here. */
static int next_here(struct fleet_cache *c)
{
    struct fleet_stream *s = c->stream;
    enum fleet_walked walked = fleet_walk_next(&s->walk, &s->here);

    if (walked == FLEET_WALK_END)
        s->here.at = NULL;
    return walked != FLEET_WALK_FAILED ? 0 : fail(c, -EIO, s->walk.fault);
}

static int begin_files(struct fleet_cache *c)
{
    struct fleet_stream *s = c->stream;
    int error = fleet_writing_begin(&s->writing, c->path, c->snapshot->head.epoch, c->frozen_next);

    if (error == 0 && !fleet_walk_begin(&s->walk, c->snapshot, c->frozen, c->log))
        error = -ENOMEM;
    return error != 0 ? failed(c, error) : next_here(c);
}

int fleet_cache_snapshot_begin(struct fleet_cache *c)
{
    if (c->stream != NULL)
        return -EBUSY;
    fleet_end_compaction(c, true);
    int error = fleet_settle(c);
    if (error != 0)
        return error;
    /* what comes until the end needs space in the log, and is committed */
    if ((c->unsure || wal_unsaved_bytes(c->wal) > wal_capacity(c->wal) / 4 * 3) &&
        !fleet_compact_now(c))
        return -ENOSPC;
    struct fleet_stream *s = calloc(1, sizeof(*s));
    if (s == NULL || !fleet_freeze(c)) {
        free(s);
        return fail(c, -ENOMEM, "no memory");
    }
    s->dropped.fd = -1;
    c->stream = s;
    error = begin_files(c);
    if (error != 0)
        fleet_cache_snapshot_abort(c);
    return error;
}

void fleet_cache_snapshot_abort(struct fleet_cache *c)
{
    struct fleet_stream *s = c->stream;

    if (s == NULL)
        return;
    fleet_walk_end(&s->walk);
    fleet_writing_end(&s->writing);
    if (s->dropped.fd >= 0)
        close(s->dropped.fd);
    free(s);
    c->stream = NULL;
    fleet_unfreeze(c);
}

/* -- what is dropped -------------------------------------------------------------------------- */

static int open_spill(struct fleet_cache *c)
{
    char name[PATH_MAX + 16];

    snprintf(name, sizeof(name), "%s.dropped", c->path);
    unlink(name); /* left by a crash */
    c->stream->dropped.fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->stream->dropped.fd < 0)
        return -errno;
    unlink(name);
    return 0;
}

static int flush_spill(struct fleet_cache *c)
{
    struct spill *d = &c->stream->dropped;
    int error = d->fd < 0 ? open_spill(c) : 0;

    for (size_t done = 0; done < d->used && error == 0;) {
        ssize_t written = pwrite(d->fd, d->bytes + done, d->used - done, (off_t)(d->size + done));
        if (written <= 0)
            error = written < 0 ? -errno : -EIO;
        else
            done += (size_t)written;
    }
    d->size += d->used;
    d->used = 0;
    return error;
}

/* Note one; each lies in one piece of the file as large as the buffer. */
static int spill(struct fleet_cache *c, struct slice entry)
{
    struct spill *d = &c->stream->dropped;
    int error = 0;

    if (d->used + 2 + entry.len > SPILL) {
        memset(d->bytes + d->used, 0, SPILL - d->used);
        d->used = SPILL;
        error = flush_spill(c);
    }
    fleet_put_u16(d->bytes + d->used, (uint16_t)entry.len);
    memcpy(d->bytes + d->used + 2, entry.at, entry.len);
    d->used += 2 + entry.len;
    return error;
}

/* Drop the next entry that is here: what denies stays, as a tombstone. */
static int drop(struct fleet_cache *c)
{
    struct fleet_stream *s = c->stream;
    char bytes[FLEET_ENTRY_MAX];
    struct text t = text_in(bytes, sizeof(bytes));
    const char *why = fleet_entry_read(&s->had, s->here);

    if (why != NULL)
        return fail(c, -EIO, why);
    int error = s->had.deleted ? 0 : spill(c, s->here);
    if (error == 0 && fleet_entry_is_denied(&s->had)) {
        s->had.deleted = true;
        fleet_entry_write(&t, &s->had);
        error = fleet_writing_put(&s->writing, text_slice(&t));
    }
    return error != 0 ? failed(c, error) : next_here(c);
}

/* Give the entries of one piece to the visitor. */
static int report_piece(struct fleet_cache *c, struct slice piece, struct fleet_visitor *dropped)
{
    struct fleet_entry *entry = &c->stream->had;
    struct slice one;

    while (fleet_snapshot_take(&piece, &one)) {
        const char *why = fleet_entry_read(entry, one);
        if (why != NULL)
            return fail(c, -EIO, why);
        if (!dropped->visit(dropped, entry))
            return fail(c, -ECANCELED, "it was refused");
    }
    return 0;
}

static int report(struct fleet_cache *c, struct fleet_visitor *dropped)
{
    struct spill *d = &c->stream->dropped;
    const size_t rest = d->used;
    int error = dropped != NULL && rest > 0 ?
                    report_piece(c, (struct slice){ d->bytes, rest }, dropped) :
                    0;

    for (uint64_t at = 0; at < d->size && error == 0 && dropped != NULL; at += SPILL) {
        ssize_t got = pread(d->fd, d->bytes, SPILL, (off_t)at);
        error = got == SPILL ? report_piece(c, (struct slice){ d->bytes, SPILL }, dropped) :
                               failed(c, got < 0 ? -errno : -EIO);
    }
    return error;
}

/* -- what comes ------------------------------------------------------------------------------- */

/* Merge what comes with what was here, and with what was committed since. */
static int merge(struct fleet_cache *c)
{
    struct fleet_stream *s = c->stream;
    const uint8_t *id = s->comes.record.digest;
    const char *why = NULL;
    bool had = s->here.at != NULL && memcmp(s->here.at, id, ID_SIZE) == 0;

    if (had)
        why = fleet_entry_read(&s->had, s->here);
    if (why != NULL)
        return fail(c, -EIO, why);
    if (had && !fleet_entry_merge_snapshot(&s->comes, &s->had))
        return -EEXIST;
    enum store_found found = fleet_find_logged(c, c->active, id, &s->had);
    if (found == STORE_FAILED)
        return failed(c, -EIO);
    if (found == STORE_FOUND && !fleet_entry_merge(&s->comes, &s->had))
        return -EEXIST;
    return had ? next_here(c) : 0;
}

static int put(struct fleet_cache *c, struct fleet_entry *merged)
{
    struct fleet_stream *s = c->stream;
    const uint8_t *id = s->comes.record.digest;
    char bytes[FLEET_ENTRY_MAX];
    struct text t = text_in(bytes, sizeof(bytes));
    int error = 0;

    while (error == 0 && s->here.at != NULL && memcmp(s->here.at, id, ID_SIZE) < 0)
        error = drop(c);
    if (error == 0)
        error = merge(c);
    if (error != 0)
        return error;
    memcpy(s->last, id, ID_SIZE);
    s->begun = true;
    fleet_entry_write(&t, &s->comes);
    error = fleet_writing_put(&s->writing, text_slice(&t));
    if (merged != NULL)
        fleet_entry_copy(merged, &s->comes);
    return failed(c, error);
}

int fleet_cache_snapshot_put(struct fleet_cache *c, const struct fleet_entry *entry,
                             struct fleet_entry *merged)
{
    struct fleet_stream *s = c->stream;
    const uint8_t *id = entry->record.digest;

    if (s == NULL)
        return -EINVAL;
    if (s->error != 0)
        return s->error;
    int order = s->begun ? memcmp(id, s->last, ID_SIZE) : 1;
    if (!record_is_fleet(&entry->record) || order < 0)
        return fail(c, -EINVAL, "entries without a group, or not in order");
    if (order == 0)
        return -EEXIST;
    fleet_entry_copy(&s->comes, entry);
    return put(c, merged);
}

/* -- the end ---------------------------------------------------------------------------------- */

/* Find out whether there was an entry when the snapshot began. */
static enum store_found find_before(struct fleet_cache *c, const uint8_t id[ID_SIZE],
                                    struct fleet_entry *entry, const char **why)
{
    enum store_found found = fleet_find_logged(c, c->frozen, id, entry);

    return found == STORE_ABSENT ? fleet_snapshot_find(c->snapshot, id, entry, why) : found;
}

/* Make of s->had, which was committed since the beginning, what is to be staged again.  STORE_ABSENT: it is new, and
 * stays; what was here already and the snapshot has not is dropped. */
static enum store_found follow(struct fleet_cache *c, const struct fleet_snapshot *made,
                               const uint8_t id[ID_SIZE], const char **why)
{
    struct fleet_stream *s = c->stream;
    enum store_found found = fleet_snapshot_find(made, id, &s->comes, why);

    if (found == STORE_FOUND && !fleet_entry_merge(&s->comes, &s->had)) {
        *why = "two digests have the same id";
        return STORE_FAILED;
    }
    if (found != STORE_ABSENT)
        return found;
    found = find_before(c, id, &s->comes, why);
    fleet_entry_copy(&s->comes, &s->had);
    s->comes.deleted = true;
    return found;
}

/* Stage again what was committed since the beginning, as it follows from what the new file has. */
static int stage_again(struct fleet_cache *c, const struct fleet_snapshot *made)
{
    struct fleet_stream *s = c->stream;
    int error = 0;

    for (size_t i = 0; i < fleet_index_count(c->active) && error == 0; i++) {
        const uint8_t *id = fleet_index_at(c->active, i)->id;
        const char *why = "its log cannot be read";
        if (fleet_find_logged(c, c->active, id, &s->had) != STORE_FOUND)
            return fail(c, -EIO, why);
        enum store_found found = follow(c, made, id, &why);
        if (found == STORE_FAILED)
            return fail(c, -EIO, why);
        if (found == STORE_FOUND)
            error = fleet_cache_put(c, &s->comes);
    }
    return failed(c, error);
}

/* Commit them, report what is dropped, and give the file its name. */
static int take_over(struct fleet_cache *c, struct fleet_snapshot *made,
                     struct fleet_visitor *dropped, enum fleet_published *published)
{
    int error = stage_again(c, made);

    if (error == 0)
        error = fleet_cache_commit(c, NULL);
    if (error == 0)
        error = report(c, dropped);
    if (error != 0)
        return error;
    *published = fleet_writing_publish(&c->stream->writing);
    return *published == FLEET_PUBLISHED ? 0 : failed(c, -errno);
}

/* Complete the file, which has this place alone. */
static struct fleet_snapshot *finish(struct fleet_cache *c, const struct fleet_place *place)
{
    struct fleet_stream *s = c->stream;
    int error = s->error;

    while (error == 0 && s->here.at != NULL)
        error = drop(c);
    if (error != 0)
        return NULL;
    fleet_places_clear(&c->frozen_places);
    if (place->serial > 0)
        fleet_places_push(&c->frozen_places, place);
    error = fleet_writing_finish(&s->writing, &c->frozen_places, &c->frozen_unsent);
    struct fleet_snapshot *made = error == 0 ? fleet_writing_snapshot(&s->writing) : NULL;
    if (made == NULL)
        failed(c, error != 0 ? error : -ENOMEM);
    return made;
}

int fleet_cache_snapshot_end(struct fleet_cache *c, const struct fleet_place *place,
                             struct fleet_visitor *dropped)
{
    enum fleet_published published = FLEET_NOT_PUBLISHED;
    struct fleet_snapshot *made = NULL;

    if (c->stream == NULL)
        return -EINVAL;
    int error = fleet_settle(c);
    if (error == 0) {
        made = finish(c, place);
        error = made != NULL ? take_over(c, made, dropped, &published) : c->stream->error;
    }
    if (published != FLEET_NOT_PUBLISHED) {
        fleet_adopt(c, made, published == FLEET_PUBLISHED);
        fleet_places_copy(&c->places, &c->frozen_places);
        c->unsure = published == FLEET_UNSURE;
    } else {
        fleet_snapshot_close(made);
    }
    if (error != 0)
        fleet_cache_abort(c);
    fleet_cache_snapshot_abort(c);
    return error;
}
