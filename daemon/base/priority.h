/* SPDX-License-Identifier: Apache-2.0 */
/* Which threads go first.  A nice value below 0 that the daemon was started with (Nice= of
 * its unit) is for the threads that verify.  The thread that saves and lists stands back to 0: it
 * has as much of a CPU as any other process then, and what is verified meanwhile does not wait for
 * its time slice.  Where others wait for that thread, it comes forward.
 *
 * On Linux a nice value belongs to a thread, see setpriority(2).  Each struct belongs to the thread
 * that called thread_priority_begin(). */
#ifndef JETON_DAEMON_BASE_PRIORITY_H
#define JETON_DAEMON_BASE_PRIORITY_H

#include <stdint.h>

struct thread_priority {
    int forward; /* the nice value below 0 to come forward to; 0: it never stands back */
};

/* What RLIMIT_NICE must allow, so that a thread which is not root's can come forward again to where
 * the calling one is; 0: no priority was given. */
uint64_t thread_priority_limit(void);

/* The calling thread stands back from now on, if it was given a priority and can have it again. */
void thread_priority_begin(struct thread_priority *p);

/* In between, the calling thread has the priority that it was given. */
void thread_priority_raise(const struct thread_priority *p);
void thread_priority_lower(const struct thread_priority *p);

#endif
