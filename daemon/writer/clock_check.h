/* SPDX-License-Identifier: Apache-2.0 */
/* Judge the host's clock by the journal: tokens are purged for good, and expired ones must not
 * become valid again, because a clock is wrong.
 *
 * The reference is the latest time that was relied on, which is noted every minute and outlives a
 * restart; before there is one, that of the newest entry at the start.  More than a week ahead of
 * it, the clock is followed, but nothing is purged.  Behind it or behind the newest entry, the clock
 * is not followed: tokens are judged by the later of these times.  It is believed all the same if it
 * is synchronised, or trusted by the configuration.
 * Tokens are purged once it has been believable for ten minutes; at once if it is trusted, but then,
 * too, not in the ten minutes after it was set.  Only then is it relied on, so that entries of a
 * wrong clock prove nothing.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_CLOCK_CHECK_H
#define JETON_DAEMON_WRITER_CLOCK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct clock_check {
    int64_t reference;       /* 0: none, the store is new */
    int64_t offset;          /* of the clock against CLOCK_MONOTONIC; 0: not known yet */
    int64_t set_until;       /* CLOCK_MONOTONIC seconds; later than now after the clock was set */
    int64_t plausible_since; /* likewise; 0: it is not */
    bool is_ahead;           /* what was reported last */
    bool is_behind;
};

struct clock_reading {
    int64_t host;      /* the time of day */
    int64_t monotonic; /* CLOCK_MONOTONIC, in seconds */
    int64_t newest;    /* the time of the journal's newest entry; 0: there is none */
    bool trusted;
    bool synchronised;
};

struct clock_state {
    int64_t floor;  /* judge by no earlier time; 0: any */
    int64_t behind; /* seconds behind reference or newest entry */
    int64_t ahead;  /* seconds ahead of what is plausible by itself; 0: it is plausible */
    bool may_purge;
};

/* `newest` is the time of the newest entry at the start, `noted` the time noted last; 0: there is
 * none.  Return the time that is not to be gone behind until the first step. */
int64_t clock_check_begin(struct clock_check *c, int64_t newest, int64_t noted);

/* Look at the clock, about once a second, and log what is wrong with it. */
struct clock_state clock_check_step(struct clock_check *c, const struct clock_reading *now);

#endif
