/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of changes for jetond: collected, sent as one, and answered as one.  One thread. */
#ifndef JETON_PLUGIN_FLEET_BATCH_H
#define JETON_PLUGIN_FLEET_BATCH_H

#include "plugin/fleet/change.h"
#include "plugin/fleet/context.h"

enum batch_outcome {
    BATCH_SAVED,
    BATCH_REFUSED, /* jetond would not have it, for the reason that was logged */
    BATCH_LOST,    /* the connection ended */
};

enum batch_kind {
    BATCH_CHANGES,
    BATCH_SNAPSHOT,      /* its first part */
    BATCH_SNAPSHOT_PART, /* a further one: the snapshot is begun already */
};

struct batch;

/* `tag` is whatever the caller gave. */
typedef void batch_done(struct context *c, enum batch_outcome outcome,
                        const struct fleet_place *place, uint64_t tag);

/* Begin one behind a place; `most`: tokens that a snapshot may have, 0: unknown.  NULL: no memory. */
struct batch *batch_new(struct context *c, const struct fleet_place *from, enum batch_kind kind,
                        uint64_t most);
void batch_free(struct batch *b);

/* True if no more should be added, or this row should not. */
bool batch_is_full(const struct batch *b);
bool batch_is_full_for(const struct batch *b, const struct change_row *row);

/* Return the number of lines. */
size_t batch_count(const struct batch *b);

/* Add the lines of a row, if it is for this host.  False: *why says what is wrong. */
bool batch_add(struct batch *b, const struct change_row *row, const char **why);

/* Send it; it is freed with the answer, or now if this returns false: jetond is not connected.  `more`: it is a part of a
 * snapshot, and others follow. */
bool batch_send(struct batch *b, const struct fleet_place *to, bool more, batch_done *done,
                uint64_t tag);

#endif
