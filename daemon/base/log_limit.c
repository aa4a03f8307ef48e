/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/log_limit.h"

#include <stdio.h>

#include "daemon/base/clock.h"

enum { INTERVAL = 10 }; /* seconds */

bool log_limit_passes(struct log_limit *limit, char more[LOG_LIMIT_MORE])
{
    int64_t now = clock_seconds() + 1, until = atomic_load(&limit->until);

    if (now < until || !atomic_compare_exchange_strong(&limit->until, &until, now + INTERVAL)) {
        atomic_fetch_add(&limit->suppressed, 1);
        return false;
    }
    uint64_t suppressed = atomic_exchange(&limit->suppressed, 0);
    more[0] = '\0';
    if (suppressed > 0)
        snprintf(more, LOG_LIMIT_MORE, " (and %llu more since the last such line)",
                 (unsigned long long)suppressed);
    return true;
}
