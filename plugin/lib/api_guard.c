/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/api_guard.h"

#include <errno.h>
#include <pthread.h>

struct api_guard api_guard_begin(void)
{
    struct api_guard guard = { .error = errno };

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard.cancel_state);
    return guard;
}

void api_guard_end(struct api_guard guard)
{
    pthread_setcancelstate(guard.cancel_state, NULL);
    errno = guard.error;
}
