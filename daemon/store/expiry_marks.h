/* SPDX-License-Identifier: Apache-2.0 */
/* Keep how far the announcements of expiries got, by how long before an expiry they are made.  All
 * ends up to a mark are dealt with: one record serves all tokens, and it is saved in the transaction
 * that adds the announcements to the journal.  The writer's thread only.
 *
 *     key    "journal/expiring"
 *     value  v=1 marks=WARN:TIME:ID,...      seconds, seconds since 1970, and 20 hex digits
 *
 * Versions that do not know the record pass over it. */
#ifndef JETON_DAEMON_STORE_EXPIRY_MARKS_H
#define JETON_DAEMON_STORE_EXPIRY_MARKS_H

#include "daemon/store/store.h"

enum { EXPIRY_MARKS_MAX = 16 };

/* One mark: tokens are announced when `warn` seconds are left, in the order of those times and, at
 * the same one, of their ids. */
struct expiry_mark {
    int64_t warn;
    int64_t time;
    uint8_t id[ID_SIZE];
};

struct expiry_marks {
    size_t count;
    struct expiry_mark mark[EXPIRY_MARKS_MAX];
};

/* Read the marks; none if there is no such record, or one that is not understood, which is logged.
 * False: the store cannot be read. */
bool expiry_marks_read(struct store *s, struct expiry_marks *marks);

/* Put the marks, in a transaction.  False: the transaction is spoilt. */
bool expiry_marks_put(struct store *s, const struct expiry_marks *marks);

/* Return the mark of a warning, which is added if it is new: then it is before all times, and takes
 * the place of the one that was moved longest ago where there are too many. */
struct expiry_mark *expiry_marks_of(struct expiry_marks *marks, int64_t warn);

/* True if a time and id are behind a mark. */
bool expiry_mark_is_before(const struct expiry_mark *mark, int64_t time, const uint8_t id[ID_SIZE]);

#endif
