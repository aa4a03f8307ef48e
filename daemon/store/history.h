/* SPDX-License-Identifier: Apache-2.0 */
/* Name the history that a store's journal tells.  Within one epoch no serial ever stands for two
 * entries, so whoever followed the journal up to EPOCH:SERIAL can go on from there.  The writer's
 * thread only, but for the name.
 *
 * The epoch is kept in the store's first record.  When another file is put in the store's place,
 * the old serials come again with other entries, and a new epoch must begin although the file
 * names an old one.  So the file PATH.epoch says which file had which epoch, and up to which
 * serial; it is written after each commit, before anybody is shown the entries.  An epoch goes on
 * only if all of it agrees:
 *
 *     PATH.epoch   v=1 epoch=HEX serial=N inode=N born=N      in one line of constant length
 *
 *   - the store names that epoch,
 *   - it is that file: its inode, and the time when that was made,
 *   - its newest serial is not below N.
 *
 * N is exact whenever only the daemon ended; after a power failure it may be some seconds old.
 * So a backup that replaces the file, and one that is copied into it, are noticed: but for one
 * that was made in these last seconds.  Not noticed is what takes PATH.epoch back as well, such as
 * a snapshot of the file system: then remove that file. */
#ifndef JETON_DAEMON_STORE_HISTORY_H
#define JETON_DAEMON_STORE_HISTORY_H

#include <limits.h>

#include "daemon/store/store.h"

#define HISTORY_SUFFIX ".epoch"

struct history {
    struct store *store;
    char epoch[EPOCH_TEXT + 1]; /* constant once begun; any thread */
    bool unsaved;               /* the store names another epoch, or none */
    int fd;                     /* of PATH.epoch; -1: it cannot be written */
    bool noted;                 /* it has all of this */
    bool unsynced;              /* it was written since the last sync */
    bool failure_logged;
    uint64_t newest; /* the serial to be noted */
    uint64_t inode;
    int64_t born; /* nanoseconds since 1970; 0: the file system does not say */
    char path[PATH_MAX + sizeof(HISTORY_SUFFIX)];
};

/* Find out whether the store's epoch goes on, or begin a new one.  False: it cannot be known which
 * epoch the store names; *problem says why. */
bool history_begin(struct history *h, struct store *store, uint64_t newest,
                   struct problem *problem);

/* Read the epoch that a store names; empty if none.  False: it cannot be read. */
bool history_read(struct store *store, char epoch[EPOCH_TEXT + 1]);

/* Put a new epoch into the store, in a transaction.  False: the transaction is spoilt. */
bool history_put(struct history *h);

/* The transaction with what was put is on the disk. */
void history_saved(struct history *h);

/* Note that everything up to this serial is on the disk, unless the epoch is not.  A failure is
 * logged; the next start then begins a new epoch. */
void history_note(struct history *h, uint64_t newest);

/* Bring what was noted to the disk, or try again what failed; once a second or so. */
void history_step(struct history *h);

void history_end(struct history *h);

#endif
