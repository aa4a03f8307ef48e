/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/thread.h"

#include <pthread.h>
#include <stddef.h>

void thread_begin(void)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
}
