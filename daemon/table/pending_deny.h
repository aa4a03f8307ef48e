/* SPDX-License-Identifier: Apache-2.0 */
/* List denials that were requested and are not answered yet.  Each belongs to its change; the token
 * table's mutex guards every call. */
#ifndef JETON_DAEMON_TABLE_PENDING_DENY_H
#define JETON_DAEMON_TABLE_PENDING_DENY_H

#include <stdbool.h>
#include <stdint.h>

enum { PENDING_DENY_BUCKETS = 256 };

/* All zeros: not in a list. */
struct pending_deny {
    const uint8_t *id;
    struct pending_deny *next;
    struct pending_deny **link; /* the pointer to it; NULL: it is in no list */
};

/* An empty list is all zeros. */
struct pending_denies {
    struct pending_deny *bucket[PENDING_DENY_BUCKETS];
};

/* Add a denial of this id, which must stay in memory, and remove it.  Doing so twice is
 * harmless. */
void pending_deny_begin(struct pending_denies *all, struct pending_deny *d, const uint8_t *id);
void pending_deny_end(struct pending_deny *d);

/* True if there is one of this id. */
bool pending_deny_exists(const struct pending_denies *all, const uint8_t *id);

#endif
