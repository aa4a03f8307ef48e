/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that let each call fail in turn.  failing.c is linked into them as well. */
#ifndef JETON_FAILING_TURNS_H
#define JETON_FAILING_TURNS_H

#include <stdbool.h>

/* What a program does again and again. */
struct play {
    void (*before)(void); /* nothing fails yet */
    void (*faulty)(void); /* something does */
    void (*after)(void);  /* nothing does any more: all is as it should be */
};

/* Plays with each of these calls failing once, and from then on, in any order, until it is through
 * or the time is up.  Where time is left: with any of them failing by chance.  A play must leave
 * nothing behind: no descriptor, no mapping, no memory. */
void turns_take(const char *const *calls, double seconds, const struct play *play);

/* Plays once with this failing; a text as of JETON_FAIL.  `any` goes by the seed. */
void turns_take_one(const char *what, unsigned seed, const struct play *play);

/* Ends the program, and names the turn, unless it holds. */
void turns_demand(bool holds, const char *what);

#endif
