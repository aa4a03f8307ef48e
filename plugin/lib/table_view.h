/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that one handle has mapped, and the uses they let pass.
 *
 * Any number of threads ask the current table; one thread at a time replaces it.  The gate and the
 * uses lie in memory that a child finds zeroed after fork(), and zeroed is how both begin. */
#ifndef JETON_PLUGIN_LIB_TABLE_VIEW_H
#define JETON_PLUGIN_LIB_TABLE_VIEW_H

#include "plugin/lib/claims.h"
#include "proto/verdict.h"

enum {
    TABLE_VIEW_LANES = 64,
    TABLE_VIEW_USE_SETS = 512, /* of four: 2048 tokens a minute */
    TABLE_VIEW_BATCH = 32,     /* as many misses as a processor overlaps, and some */
};

/* What a table may be used for. */
struct table_view_terms {
    bool final; /* what it does not let pass, nobody does */
    size_t scopes_len;
    char scopes[SCOPES_TEXT_MAX]; /* what it lets pass, must have these as well */
};

/* A checked table. */
struct table_view {
    struct table table;
    struct table_view_terms terms;
    struct table_view *next; /* among the retired */
    uint64_t not_seen_empty; /* the gate's lanes in which a reader may still be inside */
};

/* How many readers are inside, on a cache line for each lane. */
struct table_view_gate {
    struct {
        _Alignas(64) _Atomic uint32_t inside;
    } lane[TABLE_VIEW_LANES];
};

struct table_views {
    _Atomic(struct table_view *) current;
    struct table_view *retired;
};

/* Which tokens were let pass in which minute, and whether the daemon knows it. */
struct table_view_uses {
    struct {
        _Atomic uint64_t head; /* the id's first eight bytes */
        _Atomic uint64_t rest; /* its last two, USE_UNSENT, the minute */
    } use[TABLE_VIEW_USE_SETS][4];
};

/* Maps what a descriptor holds, if that is a table of `size` bytes that nobody can shrink or
 * write to.  NULL, or what is wrong with it.  The descriptor is not needed any more after that. */
const char *table_view_open(int fd, uint64_t size, const struct table_view_terms *terms,
                            struct table_view **view);
void table_view_close(struct table_view *v);

/* Closes them all; nobody is inside. */
void table_views_free(struct table_views *views);

/* Judges by the current view.  True if the answer is good: it is the whole stack's, and it held
 * when it was read; then *now is the time it is of (CLOCK_REALTIME seconds) and the claims (unless
 * NULL) are filled; a pass is noted among the uses.  Otherwise the claims are empty. */
bool table_view_ask(struct table_views *views, struct table_view_gate *gate,
                    struct table_view_uses *uses, const struct question *question,
                    struct verdict *verdict, int64_t *now, struct jeton_claims *claims);

/* One of several that are asked together. */
struct table_view_asked {
    struct question question;
    struct jeton_claims *claims;
    struct verdict verdict;
    bool good;
};

/* As table_view_ask() of each, at most TABLE_VIEW_BATCH; but they are hashed side by side, and their slots are
 * on their way from memory at the same time. */
void table_view_ask_all(struct table_views *views, struct table_view_gate *gate,
                        struct table_view_uses *uses, struct table_view_asked *asked, size_t count,
                        int64_t *now);

/* True if there is a current view and it holds: what is read from it may be believed. */
bool table_view_usable(struct table_views *views, struct table_view_gate *gate);

/* Makes `view` the current one and retires the other.  NULL: there is none, but one that may yet
 * hold is kept.  One thread at a time. */
void table_view_replace(struct table_views *views, struct table_view_gate *gate,
                        struct table_view *view);

/* Unmaps what is retired and has no reader left; the same thread as the above. */
void table_view_reap(struct table_views *views, struct table_view_gate *gate);

/* Notes that the token was let pass in this minute (minutes since 1970). */
void table_view_use(struct table_view_uses *uses, const uint8_t id[ID_SIZE], uint32_t minute);

/* Takes up to `room` uses that were not taken yet. */
size_t table_view_take_uses(struct table_view_uses *uses, uint8_t (*id)[ID_SIZE], size_t room);

#endif
