/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's thread: the only one that touches the disk.
 *
 *     loop:  one batch of changes  ─▶  one chunk of one scan  ─▶  chores, once a second
 *
 * so that no list, however long, holds up a change for more than a chunk. */
#ifndef JETON_DAEMON_WRITER_WRITER_THREAD_H
#define JETON_DAEMON_WRITER_WRITER_THREAD_H

#include "daemon/writer/scan.h"
#include "daemon/config/settings.h"
#include "daemon/writer/commit.h"

struct writer_thread;

/* Takes over an initialised writer.  NULL: no memory or descriptor; the caller still owns it. */
struct writer_thread *writer_thread_new(struct writer *w, const struct settings *settings,
                                        const char *store);

/* Starts the thread; 0 or -errno. */
int writer_thread_start(struct writer_thread *k);

/* Finishes what is waiting, writes last uses, ends the thread, closes the store. */
void writer_thread_stop(struct writer_thread *k);
void writer_thread_free(struct writer_thread *k);

/* Gives changes to the writer; each comes back by mail to its `reply_to`.  Any thread. */
void writer_thread_change(struct writer_thread *k, struct mail_list *changes);

/* Says that more of them are about to come (1), or have come (-1): writer.h.  Any thread. */
void writer_thread_expect(struct writer_thread *k, int by);

/* Gives a scan to be stepped; it comes home with its next chunk.  Any thread. */
void writer_thread_scan(struct writer_thread *k, struct scan *s);

/* Tells the thread that a scan's `stop` was set.  Any thread. */
void writer_thread_poke(struct writer_thread *k);

/* What is worth knowing of the store.  Any thread. */
struct writer_thread_figures {
    uint64_t commits;
    uint64_t changes;
    uint64_t failures;
    uint64_t denials_unsaved;
    uint64_t journal_oldest;
    uint64_t journal_newest;
    uint64_t store_bytes;
    uint64_t busy_seconds; /* with what it does now: the disk may be slow, or stuck */
};

struct writer_thread_figures writer_thread_figures(struct writer_thread *k);

/* How long transactions took to be saved, failed ones too.  Any thread. */
const struct histogram *writer_thread_commit_time(const struct writer_thread *k);

#endif
