/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads that do the daemon's work have in common. */
#ifndef JETON_DAEMON_BASE_THREAD_H
#define JETON_DAEMON_BASE_THREAD_H

/* What a thread that nobody cancels does first: its system calls then cost less.  Around each that
 * may block, glibc (as of 2.36) switches cancellation to PTHREAD_CANCEL_ASYNCHRONOUS and back, with
 * an atomic operation each time, unless that is what the thread has; disabled, it means nothing. */
void thread_begin(void);

#endif
