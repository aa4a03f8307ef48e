/* SPDX-License-Identifier: Apache-2.0 */
/* Find the newest of this host's places that the database has, too: if it has one, it has all before it.  No state;
 * any thread. */
#ifndef JETON_PLUGIN_FLEET_BISECTION_H
#define JETON_PLUGIN_FLEET_BISECTION_H

#include <stdbool.h>
#include <stddef.h>

/* Places have indices, the newest 0.  All below `common` that were asked for are not common. */
struct bisection {
    size_t low;    /* the places before this one are not common */
    size_t common; /* this one is */
};

/* Begin with `count` (at least 1) places, the last of which is common. */
static inline struct bisection bisection_begin(size_t count)
{
    return (struct bisection){ .low = 0, .common = count - 1 };
}

/* True if `common` is the newest common one. */
static inline bool bisection_is_over(const struct bisection *b)
{
    return b->low == b->common;
}

/* Return the index of the place to ask for next. */
static inline size_t bisection_next(const struct bisection *b)
{
    return b->low + (b->common - b->low) / 2;
}

/* Take the answer about it. */
static inline void bisection_take(struct bisection *b, bool common)
{
    const size_t asked = bisection_next(b);

    if (common)
        b->common = asked;
    else
        b->low = asked + 1;
}

#endif
