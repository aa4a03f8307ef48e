/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a store has a log ahead of its file, and when the file gets what the log has.  The writer's
 * thread only. */
#ifndef JETON_DAEMON_STORE_STORE_SAVING_H
#define JETON_DAEMON_STORE_STORE_SAVING_H

#include "daemon/store/store.h"

struct store_saving {
    uint64_t bytes;    /* of the log's segments that hold what the file does not have */
    int64_t since;     /* when the oldest of that was logged, clock_seconds(); 0: there is none */
    uint64_t next;     /* of all transactions before this one, */
    uint64_t saved;    /* the file has those before this one */
    uint64_t ended;    /* how many checkpoints have, failed ones included */
    uint64_t failures; /* how many failed */
    uint64_t nanoseconds; /* that the last one took */
};

/* Use a log of about so many bytes from now on; 0: none, and remove what there was.  A store goes on with
 * the log that it was opened with, whatever its size.  If no log can be begun, that is logged, and tried
 * again from time to time.  False, where none is to be used: what it has cannot be saved; *problem says
 * why. */
bool store_use_log(struct store *s, uint64_t size, struct problem *problem);

/* Save in the file what the log has, and use it no more; it stays where it is.  False: *problem says why that
 * cannot be saved. */
bool store_end_log(struct store *s, struct problem *problem);

/* True if the file cannot be written, and half of what the log may take is used: the rest is for what denies. */
bool store_is_short(const struct store *s);

/* Begin a checkpoint if it is time, and end one; about once a second. */
void store_step(struct store *s);

/* Make it time to save all transactions before this one. */
void store_ask_checkpoint(struct store *s, uint64_t next);

/* Wait until the file has everything.  False: *problem says why it has not. */
bool store_save(struct store *s, struct problem *problem);

struct store_saving store_saving(struct store *s);

/* Set what is called, in another thread, when a checkpoint has ended. */
void store_set_wake(struct store *s, void (*wake)(void *context), void *context);

#endif
