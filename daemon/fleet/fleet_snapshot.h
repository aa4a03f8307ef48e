/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot's file (fleet_block.h), open to be read: it never changes.  In memory there are eight bytes for each block, so
 * that finding an entry reads one block.  Any number of threads. */
#ifndef JETON_DAEMON_FLEET_FLEET_SNAPSHOT_H
#define JETON_DAEMON_FLEET_FLEET_SNAPSHOT_H

#include "daemon/fleet/fleet_block.h"
#include "daemon/fleet/fleet_entry.h"
#include "daemon/fleet/fleet_places.h"
#include "daemon/fleet/fleet_unsent.h"
#include "daemon/store/store_file.h"

struct fleet_snapshot {
    int fd;
    struct fleet_head head;
    uint64_t *first; /* of each block's first digest the first bytes, as a number */
    size_t capacity;
};

/* Open a snapshot, and read its places and unsent denials, which were empty (NULL: not wanted).
 * STORE_ABSENT: there is none; STORE_FAILED: *problem says what is wrong with it. */
enum store_found fleet_snapshot_open(const char *path, struct fleet_snapshot **snapshot,
                                     struct fleet_places *places, struct fleet_unsent_list *unsent,
                                     struct problem *problem);
void fleet_snapshot_close(struct fleet_snapshot *s);

/* Read `count` blocks from this one on.  0 or -errno; they are not checked. */
int fleet_snapshot_read(const struct fleet_snapshot *s, uint64_t number, size_t count,
                        char *blocks);

/* Take the next entry's bytes of a block's; false: there is none, and what is left, if anything, is none. */
bool fleet_snapshot_take(struct slice *rest, struct slice *entry);

/* Find an entry.  STORE_FAILED: it cannot be read, and *why says why. */
enum store_found fleet_snapshot_find(const struct fleet_snapshot *s, const uint8_t id[ID_SIZE],
                                     struct fleet_entry *entry, const char **why);

#endif
