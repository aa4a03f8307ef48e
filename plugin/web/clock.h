/* SPDX-License-Identifier: Apache-2.0 */
/* The time for deadlines, which no change of the system's clock moves.  It goes on while the machine is
 * suspended: a link that nobody used overnight has ended in the morning. */
#ifndef JETON_PLUGIN_WEB_CLOCK_H
#define JETON_PLUGIN_WEB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

#endif
