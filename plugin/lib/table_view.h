/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that one handle has mapped.
 *
 * Any number of threads look tokens up in the current table; one thread at a time replaces it.  The
 * readers' counters lie in memory that a child finds zeroed after fork(), and begin at zero. */
#ifndef JETON_PLUGIN_LIB_TABLE_VIEW_H
#define JETON_PLUGIN_LIB_TABLE_VIEW_H

#include "plugin/lib/claims.h"
#include "plugin/lib/recent_uses.h"
#include "proto/verdict.h"

enum {
    TABLE_VIEW_READER_SLOTS = 64,
    TABLE_VIEW_BATCH_MAX = 32, /* as many cache misses as a processor overlaps, or more */
};

/* What a table may be used for: the terms on which the daemon hands it out. */
struct table_view_conditions {
    bool final; /* a token that the table refuses is refused: no need to ask */
    size_t scopes_len;
    char scopes[SCOPES_TEXT_MAX]; /* a token passes only if it has these scopes as well */
};

enum {
    TABLE_VIEW_LEASE_FAILED = 1, /* its lease was found wrong: never to be used again */
    TABLE_VIEW_HAS_FLEET = 2,    /* verdicts may depend on the fleet's lease, too */
};

/* A mapped and checked table. */
struct table_view {
    struct table table;
    _Atomic uint8_t marks; /* TABLE_VIEW_…; 0: state and lease are all that validity depends on */
    struct table_view_conditions conditions;
    struct table_view *next;  /* in the list of retired views */
    uint64_t undrained_slots; /* retired: a bit for each slot whose readers may still use it */
};

/* How many threads are reading.  Each counts itself in the slot of its CPU, a cache line. */
struct table_view_readers {
    struct {
        _Alignas(64) _Atomic uint32_t count;
    } slot[TABLE_VIEW_READER_SLOTS];
};

/* The current view, and those that were replaced but may have readers. */
struct table_views {
    _Atomic(struct table_view *) current;
    struct table_view *retired;
};

/* Map a table of `size` bytes that nobody can shrink or write to.  Return NULL and a view that
 * table_view_close() frees; or an error message, and no view.  The caller keeps the descriptor,
 * which is not needed afterwards. */
const char *table_view_open(int fd, uint64_t size, const struct table_view_conditions *conditions,
                            struct table_view **view);
void table_view_close(struct table_view *v);

/* Close all views; no thread may be reading. */
void table_views_free(struct table_views *views);

/* Judge a token by the current view.  If the verdict is final and was valid when it was read,
 * return true: then *now is its time (CLOCK_REALTIME seconds), the claims (unless NULL) are filled,
 * and a pass is recorded.  False: the daemon must be asked; the claims are empty. */
bool table_view_lookup(struct table_views *views, struct table_view_readers *readers,
                       struct recent_uses *recent_uses, const struct question *question,
                       struct verdict *verdict, int64_t *now, struct jeton_claims *claims);

/* One token of several that are looked up together. */
struct table_view_batch_item {
    struct question question;
    struct jeton_claims *claims;
    struct verdict verdict;
    bool answered; /* the verdict is final, and the claims are filled */
};

/* Do the same as table_view_lookup() for each of at most TABLE_VIEW_BATCH_MAX, but hash them side
 * by side, and fetch their slots from memory at the same time. */
void table_view_lookup_batch(struct table_views *views, struct table_view_readers *readers,
                             struct recent_uses *recent_uses, struct table_view_batch_item *items,
                             size_t count, int64_t *now);

/* True if there is a current view and it is valid. */
bool table_view_usable(struct table_views *views, struct table_view_readers *readers);

/* Make `view` the current one and retire the other.  If `view` is NULL, retire the current one, but
 * only if it is of no use any more: the daemon has ended it, or its lease was found wrong.  One
 * thread at a time. */
void table_view_replace(struct table_views *views, struct table_view_readers *readers,
                        struct table_view *view);

/* Unmap retired views that no thread can be reading.  One thread at a time, as above. */
void table_view_reap(struct table_views *views, struct table_view_readers *readers);

#endif
