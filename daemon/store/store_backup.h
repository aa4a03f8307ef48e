/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a store's file that is a store by itself, made while the store is changed and read.  The
 * writer's thread only, between transactions.
 *
 *     ahead ──copied──▶ ready ──checkpoint begun──▶ held ─▶ done, failed ──taken──▶ handed out ──let go─▶ none
 *
 * A thread copies the file ahead, as it is, however often it is changed meanwhile.  Then a checkpoint
 * brings all that is logged into the file, and before anything else changes the file, the checkpoint's
 * thread mends in the copy what is different by then: changes go to the log meanwhile.  Without a log it
 * is the writer's thread that mends it, and changes wait.
 *
 * The copy has no name, and is gone when the last who has it has closed it.  There is one at a time: until
 * whom it was handed to has let it go, or HELD_MAX is over, when it is emptied. */
#ifndef JETON_DAEMON_STORE_STORE_BACKUP_H
#define JETON_DAEMON_STORE_STORE_BACKUP_H

#include "proto/problem.h"

struct store;

enum backup_progress { BACKUP_GOES_ON, BACKUP_DONE, BACKUP_FAILED };

struct backup_result {
    int descriptor; /* to read it; the caller's */
    uint64_t size;
    uint64_t serial; /* of the newest journal entry in it */
};

/* Begin one.  False: *problem says why not. */
bool store_backup_begin(struct store *s, struct problem *problem);

/* Go on; `serial`: the newest journal entry that is committed.  About once a second, and when something
 * has ended. */
void store_backup_step(struct store *s, uint64_t serial);

/* Look how far it is.  BACKUP_DONE: *result; BACKUP_FAILED: *problem says why.  Either ends it. */
enum backup_progress store_backup_take(struct store *s, struct backup_result *result,
                                       struct problem *problem);

/* Give it up. */
void store_backup_cancel(struct store *s);

/* Have what is under way end soon; and free all of it, when no checkpoint is running any more. */
void store_backup_stop(struct store *s);
void store_backup_free(struct store *s);

#endif
