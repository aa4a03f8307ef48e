/* SPDX-License-Identifier: Apache-2.0 */
/* Cache introspection results by the keyed digests of the values.  Bounded; thread-safe.
 *
 * An entry is used only while its result is valid at the question's time, and its lifetime has not
 * ended: neither by that clock nor by the monotonic one, which nobody can set back.  A lifetime
 * starts when the server is asked, not when it answers. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_CACHE_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_CACHE_H

#include <stddef.h>

#include "daemon/verifiers/introspect/result.h"

enum { CACHE_KEY = 32 };

/* The time of a question. */
struct cache_time {
    int64_t now;       /* the question's: seconds since 1970 */
    int64_t monotonic; /* nanoseconds */
};

struct cache;

/* Create a cache for at least `entries`.  NULL: out of memory. */
struct cache *cache_new(size_t entries);
void cache_free(struct cache *c);

/* Copy the result of an entry that may be used.  False: there is none. */
bool cache_get(struct cache *c, const uint8_t key[CACHE_KEY], struct cache_time at,
               struct result *r);

/* Store a pass or a fail for so many seconds from `at`.  Do nothing for an error, for 0 seconds,
 * and without memory. */
void cache_put(struct cache *c, const uint8_t key[CACHE_KEY], struct cache_time at, int64_t seconds,
               const struct result *r);

#endif
