/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon's threads set up for themselves: cancellation and scheduling priority. */
#ifndef JETON_DAEMON_BASE_THREAD_H
#define JETON_DAEMON_BASE_THREAD_H

#include <stdint.h>

/* Disable cancellation; call it first in a thread that nobody cancels, to make its system calls
 * cheaper.  Around each call that may block, glibc (as of 2.36) switches the thread's cancellation
 * type to PTHREAD_CANCEL_ASYNCHRONOUS and back, with an atomic operation each time, unless it is
 * that already. */
void thread_begin(void);

/* Lets a thread lower its priority below that of the threads that verify, and raise it again while
 * others wait for it.
 *
 * A nice value below 0 that the daemon was started with (Nice= of its unit) is meant for the
 * threads that verify.  The thread that saves and lists lowers itself to 0: it then has as much of
 * a CPU as any other process, and verification does not wait for its time slice.
 *
 * On Linux a nice value belongs to a thread, see setpriority(2).  Each struct belongs to the thread
 * that called thread_priority_begin(). */
struct thread_priority {
    int raised; /* the nice value to raise to, below 0; 0: the priority never changes */
};

/* Return the RLIMIT_NICE that allows a thread without root's rights to raise itself again to the
 * calling thread's nice value; 0: that value is not below 0. */
uint64_t thread_priority_limit(void);

/* Lower the calling thread to nice 0, if it was below 0 and may be raised again. */
void thread_priority_begin(struct thread_priority *p);

/* Raise the calling thread to the nice value it had at thread_priority_begin(), and lower it. */
void thread_priority_raise(const struct thread_priority *p);
void thread_priority_lower(const struct thread_priority *p);

#endif
