/* SPDX-License-Identifier: Apache-2.0 */
/* Condition variables that are waited for until a time by CLOCK_MONOTONIC, which nobody sets. */
#ifndef JETON_DAEMON_BASE_TIMED_WAIT_H
#define JETON_DAEMON_BASE_TIMED_WAIT_H

#include <pthread.h>
#include <time.h>

/* Make one. */
void timed_wait_init(pthread_cond_t *condition);

/* Return the time in so many milliseconds, for pthread_cond_timedwait(3). */
struct timespec timed_wait_until(int milliseconds);

#endif
