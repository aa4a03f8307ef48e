/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over a snapshot and what is newer in the log, merged: the newest bytes of every entry, ascending by
 * digest, in constant memory but for four bytes for each entry of the log.  One thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_WALK_H
#define JETON_DAEMON_FLEET_FLEET_WALK_H

#include "daemon/fleet/fleet_entry_format.h"
#include "daemon/fleet/fleet_index.h"
#include "daemon/fleet/fleet_snapshot.h"

struct fleet_walk {
    const struct fleet_snapshot *snapshot;
    uint64_t block; /* the next one to be read */
    size_t in_buffer, at_buffer;
    char *buffer; /* blocks */
    struct slice rest;
    struct slice old; /* the next entry of the snapshot; at == NULL: none */
    uint64_t seen;
    uint8_t last[DIGEST_SIZE];
    const struct fleet_index *index;
    int log; /* its file */
    uint32_t *order;
    size_t at;
    struct slice newer;     /* the next entry of the log; at == NULL: none */
    uint8_t taken[ID_SIZE]; /* by the last call */
    bool begun;
    char fault[120]; /* why it failed */
    char newer_bytes[FLEET_ENTRY_MAX];
};

enum fleet_walked { FLEET_WALK_ENTRY, FLEET_WALK_END, FLEET_WALK_FAILED };

/* Read an entry of the log's file.  NULL, or why it cannot be read. */
const char *fleet_log_read(int log, const struct fleet_indexed *where, char bytes[FLEET_ENTRY_MAX]);

/* Begin, over files and an index that do not change meanwhile.  False: no memory; it need not be ended. */
bool fleet_walk_begin(struct fleet_walk *w, const struct fleet_snapshot *snapshot,
                      const struct fleet_index *index, int log);
void fleet_walk_end(struct fleet_walk *w);

/* Take the next entry's bytes, valid until the next call. */
enum fleet_walked fleet_walk_next(struct fleet_walk *w, struct slice *entry);

#endif
