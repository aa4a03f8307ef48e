/* SPDX-License-Identifier: Apache-2.0 */
/* A mutex that can be waited for until a deadline of the monotonic clock, which pthreads do not
 * offer everywhere.  Its memory may be zeroed by fork(): zero is unlocked. */
#ifndef JETON_PLUGIN_LIB_LOCK_H
#define JETON_PLUGIN_LIB_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t state; /* 0: unlocked; 1: locked; 2: locked, and somebody may be waiting */
};

/* Lock if that is possible without waiting; true: locked. */
bool lock_try(struct lock *lock);

/* Lock, and wait until the deadline (of plugin/lib/deadline.h) at most; false: it passed first. */
bool lock_take(struct lock *lock, int64_t deadline);

void lock_release(struct lock *lock);

#endif
