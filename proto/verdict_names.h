/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of a verdict: by the other names of a value, where it may have some.  A file of its own,
 * so that the compiler makes the first half as if there were none. */
#ifndef JETON_PROTO_VERDICT_NAMES_H
#define JETON_PROTO_VERDICT_NAMES_H

#include "proto/verdict.h"

/* Judge a value, which was judged by its digest, by its SHA-256, if the table has tokens that are known
 * by that: what denies it there denies it, but only a token of that kind is passed, and then it is its
 * digest that the verdict has.  Then refuse what looks like a compact JWS, if its signed part is
 * denied. */
void verdict_names_judge(const struct table *table, const struct question *question, int64_t now,
                         struct verdict *verdict) __attribute__((cold, noinline, noclone));

#endif
