/* SPDX-License-Identifier: Apache-2.0 */
/* Move one clock of this process.  Define which one before including this: FAKE_CLOCK_ID
 * CLOCK_... */
#ifndef JETON_TESTS_UNIT_SUPPORT_FAKE_CLOCK_H
#define JETON_TESTS_UNIT_SUPPORT_FAKE_CLOCK_H

#include <dlfcn.h>
#include <stdint.h>
#include <time.h>

static _Atomic int64_t fake_clock_offset; /* seconds added to that clock */

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);

    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    if (id == FAKE_CLOCK_ID)
        t->tv_sec += fake_clock_offset;
    return result;
}

#endif
