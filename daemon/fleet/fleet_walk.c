/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFERED = 32 };

const char *fleet_log_read(int log, const struct fleet_indexed *where, char bytes[FLEET_ENTRY_MAX])
{
    errno = 0;
    if (pread(log, bytes, where->len, (off_t)where->offset) != where->len)
        return errno != 0 ? strerror(errno) : "its log is not whole";
    if (fleet_index_check((struct slice){ bytes, where->len }) != where->check ||
        memcmp(bytes, where->id, ID_SIZE) != 0)
        return "an entry of its log is damaged";
    return NULL;
}

bool fleet_walk_begin(struct fleet_walk *w, const struct fleet_snapshot *snapshot,
                      const struct fleet_index *index, int log)
{
    memset(w, 0, offsetof(struct fleet_walk, newer_bytes));
    w->snapshot = snapshot;
    w->index = index;
    w->log = log;
    w->block = 1;
    w->buffer = malloc((size_t)BUFFERED * FLEET_BLOCK);
    w->order = fleet_index_sorted(index);
    if (w->buffer != NULL && w->order != NULL)
        return true;
    fleet_walk_end(w);
    return false;
}

void fleet_walk_end(struct fleet_walk *w)
{
    free(w->buffer);
    free(w->order);
    w->buffer = NULL;
    w->order = NULL;
}

static bool fail(struct fleet_walk *w, const char *why)
{
    snprintf(w->fault, sizeof(w->fault), "%s", why);
    return false;
}

static bool fail_block(struct fleet_walk *w, const char *why)
{
    snprintf(w->fault, sizeof(w->fault), "is damaged in block %llu: %s",
             (unsigned long long)w->block - 1, why);
    return false;
}

/* -- the snapshot ----------------------------------------------------------------------------- */

static bool fill(struct fleet_walk *w)
{
    const uint64_t left = w->snapshot->head.blocks + 1 - w->block;

    w->in_buffer = left < BUFFERED ? (size_t)left : BUFFERED;
    w->at_buffer = 0;
    int error = fleet_snapshot_read(w->snapshot, w->block, w->in_buffer, w->buffer);
    return error == 0 || fail(w, strerror(-error));
}

/* Go to the next block; at the end of the last one all entries must have been seen. */
static bool next_block(struct fleet_walk *w, bool *ended)
{
    const struct fleet_head *head = &w->snapshot->head;

    *ended = w->block > head->blocks;
    if (*ended)
        return w->seen == head->entries || fail(w, "is damaged: entries are missing");
    if (w->at_buffer == w->in_buffer && !fill(w))
        return false;
    w->rest = fleet_block_open(w->buffer + w->at_buffer * FLEET_BLOCK, head->name,
                               (uint32_t)w->block, FLEET_BLOCK_ENTRIES);
    w->block++;
    w->at_buffer++;
    return w->rest.len > 0 || fail_block(w, "checksum");
}

static bool next_old(struct fleet_walk *w)
{
    bool ended = false;

    if (w->rest.len == 0 && !next_block(w, &ended))
        return false;
    if (ended) {
        w->old.at = NULL;
        return true;
    }
    if (!fleet_snapshot_take(&w->rest, &w->old))
        return fail_block(w, "an entry is not whole");
    if (w->seen++ > 0 && memcmp(w->last, w->old.at, ID_SIZE) >= 0)
        return fail_block(w, "entries are not in order");
    memcpy(w->last, w->old.at, DIGEST_SIZE);
    return true;
}

/* -- the log ---------------------------------------------------------------------------------- */

static bool next_newer(struct fleet_walk *w)
{
    if (w->at == fleet_index_count(w->index)) {
        w->newer.at = NULL;
        return true;
    }
    const struct fleet_indexed *where = fleet_index_at(w->index, w->order[w->at++]);
    const char *why = fleet_log_read(w->log, where, w->newer_bytes);
    w->newer = (struct slice){ w->newer_bytes, where->len };
    return why == NULL || fail(w, why);
}

/* -- both ------------------------------------------------------------------------------------- */

static bool was_taken(const struct fleet_walk *w, struct slice entry)
{
    return !w->begun || (entry.at != NULL && memcmp(entry.at, w->taken, ID_SIZE) == 0);
}

/* Go on behind what was taken last, in one of them or in both. */
static bool step(struct fleet_walk *w)
{
    bool old = was_taken(w, w->old), newer = was_taken(w, w->newer);

    w->begun = true;
    return (!old || next_old(w)) && (!newer || next_newer(w));
}

enum fleet_walked fleet_walk_next(struct fleet_walk *w, struct slice *entry)
{
    if (w->fault[0] != '\0' || !step(w))
        return FLEET_WALK_FAILED;
    if (w->old.at == NULL && w->newer.at == NULL)
        return FLEET_WALK_END;
    bool newer = w->newer.at != NULL &&
                 (w->old.at == NULL || memcmp(w->newer.at, w->old.at, ID_SIZE) <= 0);
    *entry = newer ? w->newer : w->old;
    memcpy(w->taken, entry->at, ID_SIZE);
    return FLEET_WALK_ENTRY;
}
