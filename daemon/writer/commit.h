/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: take every waiting change as one transaction, publish what was committed, and
 * answer.  The writer's thread only.
 *
 *     changes ─▶ denials take effect ─▶ apply, put, journal ─▶ commit ─▶ publish ─▶ answers
 *
 * A commit that may or may not have happened is answered with ERR store (disk_failure.h): the store
 * is opened again, and what it then has of the tokens concerned is published.  Denials stand all the
 * same: they are kept, and tried again before every later change and every second, until they are
 * saved. */
#ifndef JETON_DAEMON_WRITER_COMMIT_H
#define JETON_DAEMON_WRITER_COMMIT_H

#include "daemon/writer/writer_state.h"

enum { COMMIT_BATCH_MAX = DISK_FAILURE_CHANGES_MAX };

/* Move what was posted to the changes that wait for a batch. */
void commit_collect(struct writer *w);

/* Commit and answer one batch of what is waiting, and of what is posted while it is applied; false
 * if there was nothing to do. */
bool commit_batch(struct writer *w, int64_t now);

/* Open a broken store, and save the unsaved denials: what is read after that is what the next
 * transaction finds. */
void commit_prepare(struct writer *w, int64_t now);

/* Save and publish changes of many tokens in one transaction, which takes no others.  Each then has its
 * outcome, or its problem, which is the same for all; the caller frees them. */
void commit_together(struct writer *w, struct mail_list *changes, int64_t now);

/* Let the next batch first open a broken store and save the unsaved denials; called about every
 * second. */
void commit_retry(struct writer *w);

#endif
