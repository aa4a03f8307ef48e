/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/timed_wait.h"

#include <stdint.h>

#include "daemon/base/clock.h"

void timed_wait_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct timespec timed_wait_until(int milliseconds)
{
    int64_t until = (int64_t)clock_monotonic() + (int64_t)milliseconds * (CLOCK_SECOND / 1000);

    return (struct timespec){ until / CLOCK_SECOND, until % CLOCK_SECOND };
}
