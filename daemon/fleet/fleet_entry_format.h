/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an entry in the cache's files.  No state; any thread.
 *
 *     digest    32 bytes; entries are compared by it
 *     fields    32 bits, little-endian: which of the following are there (enum in fleet_entry_format.c), and the
 *               tombstone's mark
 *     created, by, then the fields in the order of their bits: numbers in LEB128, times in zigzag LEB128,
 *               ids and the signed part's digest as they are, the length of each text
 *     texts     subject, scopes, description, group, origin
 *
 * A field that has its usual value is absent, and each number has one spelling: equal entries are equal bytes.
 * Checksums are of the files (fleet_block.h, daemon/store/wal_format.h). */
#ifndef JETON_DAEMON_FLEET_FLEET_ENTRY_FORMAT_H
#define JETON_DAEMON_FLEET_FLEET_ENTRY_FORMAT_H

#include "daemon/fleet/fleet_entry.h"

enum {
    FLEET_ENTRY_MIN = DIGEST_SIZE + 4 + 2,
    FLEET_ENTRY_MAX = 4096, /* more than any takes */
};

/* Add an entry. */
void fleet_entry_write(struct text *t, const struct fleet_entry *entry);

/* Read an entry, all of these bytes.  NULL, or what is wrong with them. */
const char *fleet_entry_read(struct fleet_entry *entry, struct slice bytes);

/* True if the bytes of an entry, at least FLEET_ENTRY_MIN, say that it is a tombstone. */
bool fleet_entry_bytes_deleted(struct slice bytes);

#endif
