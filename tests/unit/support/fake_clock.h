/* SPDX-License-Identifier: Apache-2.0 */
/* One clock of this process can be set ahead.  Whoever includes this says before which:
 * #define SHIFTED CLOCK_... */
#ifndef JETON_TEST_SHIFT_H
#define JETON_TEST_SHIFT_H

#include <dlfcn.h>
#include <stdint.h>
#include <time.h>

static _Atomic int64_t shift; /* seconds */

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);

    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    if (id == SHIFTED)
        t->tv_sec += shift;
    return result;
}

#endif
