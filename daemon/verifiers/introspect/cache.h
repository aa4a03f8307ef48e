/* SPDX-License-Identifier: Apache-2.0 */
/* What the server said lately, by the keyed digests of the values.  Bounded; safe from several
 * threads.
 *
 * An entry is used only while all of this holds: the judgement stands at the question's time; by
 * that clock, and by the monotonic one too, which nobody can set back, its lifetime has not ended.
 * Lifetimes count from when the server was asked, not from when it answered. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_CACHE_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_CACHE_H

#include <stddef.h>

#include "daemon/verifiers/introspect/result.h"

enum { CACHE_KEY = 32 };

/* When something is asked. */
struct moment {
    int64_t now;       /* the question's: seconds since 1970 */
    int64_t monotonic; /* nanoseconds */
};

struct cache;

/* For at least `entries`.  NULL: no memory. */
struct cache *cache_new(size_t entries);
void cache_free(struct cache *c);

/* False: nothing that may be used. */
bool cache_get(struct cache *c, const uint8_t key[CACHE_KEY], struct moment at, struct result *j);

/* Keeps a pass or a fail for so many seconds from `at`; not for 0, and not without memory. */
void cache_put(struct cache *c, const uint8_t key[CACHE_KEY], struct moment at, int64_t seconds,
               const struct result *j);

#endif
