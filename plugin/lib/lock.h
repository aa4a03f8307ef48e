/* SPDX-License-Identifier: Apache-2.0 */
/* How the library takes turns, and what it spares its host. */
#ifndef JETON_PLUGIN_LIB_LOCK_H
#define JETON_PLUGIN_LIB_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A mutex that can be waited for until a deadline of the monotonic clock.  Zero: free. */
struct lock {
    _Atomic uint32_t state; /* 1: taken; 2: taken, and somebody may be waiting */
};

bool lock_try(struct lock *lock);

/* `deadline`: of plugin/lib/deadline.h; false if it passes first. */
bool lock_take(struct lock *lock, int64_t deadline);
void lock_release(struct lock *lock);

/* Between these two the thread cannot be cancelled, and its errno comes back as it was. */
struct api_guard {
    int error;
    int cancel;
};

struct api_guard api_guard_begin(void);
void api_guard_end(struct api_guard guard);

#endif
