/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's heap of the calling thread.  It keeps what is freed at its end: malloc_trim(3) gives back
 * everything else of all heaps. */
#ifndef JETON_DAEMON_BASE_THREAD_HEAP_H
#define JETON_DAEMON_BASE_THREAD_HEAP_H

/* Let all heaps keep what is freed, up to 32 MiB each.  Before other threads run. */
void thread_heap_keep(void);

/* Give the end of the calling thread's heap back. */
void thread_heap_trim(void);

#endif
