/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that were asked for and are not answered yet.  They belong to who asked; the
 * caller sees to it that one thread at a time is here. */
#ifndef JETON_DAEMON_TABLE_PENDING_DENY_H
#define JETON_DAEMON_TABLE_PENDING_DENY_H

#include <stdbool.h>
#include <stdint.h>

enum { PENDING_DENY_BUCKETS = 256 };

/* All zeros: of nothing. */
struct pending_deny {
    const uint8_t *id;
    struct pending_deny *next;
    struct pending_deny **link; /* what points at it; NULL: it is not there */
};

/* An empty one is all zeros. */
struct pending_denies {
    struct pending_deny *bucket[PENDING_DENY_BUCKETS];
};

/* The id must stay where it is.  Beginning or ending one twice does nothing more. */
void pending_deny_begin(struct pending_denies *all, struct pending_deny *d, const uint8_t *id);
void pending_deny_end(struct pending_deny *d);

/* True if there is one for this token. */
bool pending_deny_exists(const struct pending_denies *all, const uint8_t *id);

#endif
