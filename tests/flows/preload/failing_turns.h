/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that let each call fail in turn.  failing.c is linked into them, too. */
#ifndef JETON_FAILING_TURNS_H
#define JETON_FAILING_TURNS_H

#include <stdbool.h>

/* The actions that a program repeats with other failures. */
struct play {
    void (*before)(void); /* nothing fails yet */
    void (*faulty)(void); /* something fails */
    void (*after)(void);  /* nothing fails any more: everything must work */
};

/* Play with each of these calls failing once, and from then on, in any order, until all are done or
 * the time is up.  If time is left, let any of them fail by chance.  A play must leave nothing
 * behind: no descriptor, no mapping, no memory. */
void turns_take(const char *const *calls, double seconds, const struct play *play);

/* Play once with this text as in JETON_FAIL; `any` uses the seed. */
void turns_take_one(const char *what, unsigned seed, const struct play *play);

/* End the program and name the turn, unless `holds` is true. */
void turns_demand(bool holds, const char *what);

#endif
