/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's thread: the only one that touches the disk.  Other threads use write_queue.h.
 *
 *     loop:  one batch of changes  ─▶  one chunk of one scan  ─▶  chores, once a second
 *
 * so that no list, however long, delays a change by more than a chunk. */
#ifndef JETON_DAEMON_WRITER_WRITER_THREAD_H
#define JETON_DAEMON_WRITER_WRITER_THREAD_H

#include "daemon/config/settings.h"
#include "daemon/writer/writer_state.h"

struct writer_thread;

/* Make a thread for an initialised writer.  The caller still owns the writer, and destroys it after
 * the thread has ended.  NULL: no memory. */
struct writer_thread *writer_thread_new(struct writer *w, const struct settings *settings,
                                        const char *store);

/* Start the thread; 0 or -errno. */
int writer_thread_start(struct writer_thread *t);

/* Finish what is waiting, write times of last use, and end the thread, if it was started; NULL is
 * allowed. */
void writer_thread_stop(struct writer_thread *t);

/* Free it, and note beside the store that the table, which the caller has closed, is not believed any
 * more (lease_file.h).  False: a look-up of a user's name hangs, and its thread is left. */
bool writer_thread_free(struct writer_thread *t);

#endif
