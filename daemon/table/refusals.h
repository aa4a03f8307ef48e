/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens were refused, and whose values no token has, until the writer's thread takes that in.
 *
 * Each verifying thread has a set of its own, of bounded size: a flood of refusals costs no more
 * memory, and what does not fit is counted as dropped.  Only refusals come here; a verification that
 * passes touches none of this. */
#ifndef JETON_DAEMON_TABLE_REFUSALS_H
#define JETON_DAEMON_TABLE_REFUSALS_H

#include <stddef.h>
#include <sys/types.h>

#include "proto/limits.h"
#include "proto/status.h"

enum {
    REFUSALS_TAKEN_MAX = 768, /* tokens of one set */
    REFUSALS_UIDS = 64,       /* users whose unknown values are counted by uid, in all */
};

/* The refusals of one token. */
struct refusal {
    uint8_t id[ID_SIZE];
    uint8_t reason; /* enum status, of the last; so with the next two */
    uid_t by;
    int64_t last;   /* when; 0: it was never refused */
    uint64_t count; /* of all; and of those for its end: expired or revoked */
    uint64_t ended;
};

/* How often a user sent values that no token has. */
struct refusals_unknown {
    uid_t uid;
    uint64_t count;
};

struct refusals;

/* Make sets for threads whose numbers are below `sets`.  NULL: no memory. */
struct refusals *refusals_new(unsigned sets);
void refusals_free(struct refusals *r);

/* Note that a token was refused, for a reason that is a NO; or that a value was, which no token has.
 * The thread that the set belongs to; it may wait a moment for the writer's thread. */
void refusals_note(struct refusals *r, unsigned set, const uint8_t id[ID_SIZE], enum status reason,
                   uid_t by, int64_t now);
void refusals_note_unknown(struct refusals *r, unsigned set, uid_t by);

/* Note what a verification was answered: by `id` if there is such a token, else NULL.  Do nothing with
 * answers that are not about the value. */
void refusals_note_verdict(struct refusals *r, unsigned set, const uint8_t *id, enum status status,
                           uid_t by, int64_t now);

/* Take what a set holds, at most REFUSALS_TAKEN_MAX tokens; return how many.  Any thread. */
size_t refusals_take(struct refusals *r, unsigned set, struct refusal *taken);

/* Add what all sets hold of one token, and was not taken yet.  Any thread. */
void refusals_look(struct refusals *r, const uint8_t id[ID_SIZE], struct refusal *sum);

/* Forget what all sets hold of one token.  Any thread. */
void refusals_forget(struct refusals *r, const uint8_t id[ID_SIZE]);

/* Add later or earlier refusals of the same token. */
void refusal_add(struct refusal *sum, const struct refusal *more);

/* Count presentations of values that were rotated away; return how many there were.  Any thread. */
void refusals_count_reuse(struct refusals *r, uint64_t more);
uint64_t refusals_reuses(const struct refusals *r);

unsigned refusals_sets(const struct refusals *r);

/* Return how many refusals were dropped.  Any thread. */
uint64_t refusals_dropped(const struct refusals *r);

/* Sum up unknown values by user; return of how many users.  *others are those of users beyond that.
 * Any thread. */
size_t refusals_unknown(const struct refusals *r, struct refusals_unknown unknown[REFUSALS_UIDS],
                        uint64_t *others);

#endif
