/* SPDX-License-Identifier: Apache-2.0 */
/* Move or stop one clock of this process.  Define which one before including this: FAKE_CLOCK_ID
 * CLOCK_... */
#ifndef JETON_TESTS_UNIT_SUPPORT_FAKE_CLOCK_H
#define JETON_TESTS_UNIT_SUPPORT_FAKE_CLOCK_H

#include <dlfcn.h>
#include <stdint.h>
#include <time.h>

static _Atomic int64_t fake_clock_offset; /* seconds added to that clock */
static _Atomic int64_t fake_clock_stands; /* it stands still at this second; 0: it runs */

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);

    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    if (id == FAKE_CLOCK_ID && fake_clock_stands != 0)
        *t = (struct timespec){ .tv_sec = fake_clock_stands };
    if (id == FAKE_CLOCK_ID)
        t->tv_sec += fake_clock_offset;
    return result;
}

#endif
