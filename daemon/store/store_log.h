/* SPDX-License-Identifier: Apache-2.0 */
/* The log ahead of a store's file: transactions are written to the log and kept in memory, and saved in
 * the file later, many at once.  For the files of a store only; the writer's thread.
 *
 *     put, remove ─▶ staged ──commit: log, one write and sync──▶ active ──▶ frozen ──checkpoint──▶ file
 *
 * Staged is what the present transaction has put, active what is logged, frozen what is being saved.
 * Whoever reads asks them in this order, and then the file.  While no checkpoint is running the file is
 * the writer's thread's: transactions that are too large for the log, and those of a file near its size
 * limit, go straight to it, when all that is logged was saved. */
#ifndef JETON_DAEMON_STORE_STORE_LOG_H
#define JETON_DAEMON_STORE_STORE_LOG_H

#include "daemon/store/checkpoint.h"
#include "daemon/store/journal.h"
#include "daemon/store/log_body.h"
#include "daemon/store/store_file.h"
#include "daemon/store/wal.h"

/* What is to be done at the end of a checkpoint: see checkpoint_then(). */
struct log_saving_work {
    void (*at_end)(void *context, bool done);
    void *context;
    bool begun;      /* that checkpoint is, */
    uint64_t serial; /* and saves the journal up to this entry */
};

struct store_log {
    struct store_file *store;
    struct wal *wal;
    struct checkpoint *checkpoint; /* NULL: the store is only read */
    struct overlay *staged;
    struct overlay *active;
    struct overlay *frozen; /* NULL: nothing is being saved */
    char name[EPOCH_TEXT + 1];
    uint64_t next;        /* serial of the next batch */
    uint64_t frozen_next; /* the frozen ones are before it */
    uint64_t saved;       /* the file has everything before it */
    int64_t oldest;       /* when the oldest active change was logged; clock_seconds() */
    int64_t frozen_oldest;

    bool staging;            /* in a transaction that goes to the log */
    bool direct;             /* the last transaction went straight to the file */
    size_t staged_bytes;     /* about so many of the body */
    struct log_body entries; /* new entries of the journal */
    bool has_tokens;
    uint64_t tokens;
    uint64_t staged_newest; /* entry of the journal */
    uint64_t newest;        /* likewise, of what is logged */
    struct log_body body;

    bool in_doubt; /* an append failed: the batch, still staged, may be there or not */
    bool broken;   /* the log cannot be read or written */
    bool ending;   /* the file may note already that there is no log: nothing more may be logged */
    bool error_logged; /* the last append failed, which was logged */
    struct problem problem;

    bool begun;           /* a checkpoint, whose outcome was not taken */
    uint64_t asked;       /* all before this serial are to be saved now */
    bool failed;          /* the last checkpoint */
    int64_t retry;        /* when to try again; clock_seconds() */
    int64_t looked;       /* when the file was last looked for at its path */
    uint64_t size;        /* of the file, as of the last checkpoint */
    uint64_t ended;       /* checkpoints, failed ones included */
    uint64_t failures;    /* of them */
    uint64_t nanoseconds; /* that the last one took */

    struct log_saving_work
        *work; /* for the next checkpoint that saves all that is logged; NULL: none */

    bool loaded;            /* the journal has what was replayed */
    struct log_body replay; /* entries and tokens, batch by batch */
};

/* -- store_replay.c --------------------------------------------------------------------------- */

/* Open the log that the file notes, and take what only that has.  NULL: *problem says why not. */
struct store_log *store_log_open(struct store_file *store, const struct log_note *note,
                                 struct problem *problem);

/* Append what was replayed to the journal, which has the file's blocks.  NULL, or what is wrong. */
const char *store_log_load_journal(struct store_log *l, struct journal *j);

/* -- store_log.c ------------------------------------------------------------------------------ */

/* Make one without a file; NULL: no memory. */
struct store_log *store_log_new(struct store_file *store);
void store_log_free(struct store_log *l);

/* Begin a new log of about so many bytes for a store that has none, and note it in the file.  NULL:
 * *problem says why not. */
struct store_log *store_log_begin(struct store_file *store, uint64_t size, struct problem *problem);

/* Make one transaction. */
bool store_log_start(struct store_log *l);
bool store_log_put(struct store_log *l, struct slice key, struct slice value);
bool store_log_add(struct store_log *l, struct slice key, struct slice value); /* of a new key */
bool store_log_remove(struct store_log *l, struct slice key);
bool store_log_put_journal(struct store_log *l, struct journal *j);
bool store_log_commit(struct store_log *l);
void store_log_abandon(struct store_log *l);

/* Find out what became of a batch whose append failed.  False: the log cannot be read. */
bool store_log_reopen(struct store_log *l);

/* Find a key in what is not in the file yet. */
enum overlay_found store_log_find(const struct store_log *l, struct slice key, struct slice *value);

/* Read a record of the file, also while a checkpoint has it; see store_fetch(). */
enum store_found store_log_fetch(struct store_log *l, struct slice key, TDB_DATA *value);

/* -- log_saving.c ----------------------------------------------------------------------------- */

/* Take the outcome of a checkpoint that has ended, and begin another if it is time. */
void log_saving_step(struct store_log *l);

/* Begin a checkpoint of all that is logged, if none is under way or to be tried again. */
void log_saving_begin(struct store_log *l);

/* Wait until there is space for another transaction.  False: checkpoints fail. */
bool log_saving_await_space(struct store_log *l);

/* True if checkpoints fail, and half of the space for transactions is used. */
bool log_saving_is_short(const struct store_log *l);

/* Wait until the file is the caller's. */
void log_saving_settle(struct store_log *l);

/* Save everything that is logged.  False: l->problem says why not. */
bool log_saving_flush(struct store_log *l);

/* Do that, and note that there is no log any more: what it still has is of no use from then on. */
bool log_saving_end(struct store_log *l);

struct log_note log_saving_note(const struct store_log *l, uint64_t next);

#endif
