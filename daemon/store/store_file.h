/* SPDX-License-Identifier: Apache-2.0 */
/* The TDB file of a store, locked, with the first record that marks it as jeton's.  One thread at a time:
 * the writer's, or that of a checkpoint (checkpoint.h). */
#ifndef JETON_DAEMON_STORE_STORE_FILE_H
#define JETON_DAEMON_STORE_STORE_FILE_H

#include "daemon/store/log_note.h"
#include "daemon/store/store_lock.h"
#include "daemon/store/tdb_file.h"

/* The key of the first record. */
#define STORE_HEAD_KEY "jeton"

enum store_mode {
    STORE_WRITE, /* create it if there is none; refuse if another daemon has it */
    STORE_READ,  /* nothing is changed or created; another daemon may have it, and then makes no
                  * transaction until store_close() */
    STORE_COPY,  /* like STORE_WRITE, of a backup: what only the store's log had is not in it */
};

enum store_found { STORE_FOUND, STORE_ABSENT, STORE_FAILED };

struct store_file {
    struct tdb_file file;
    enum store_mode mode; /* STORE_WRITE or STORE_READ */
    struct store_lock lock;
};

/* Create the file if there is none. */
bool store_file_create(struct store_file *s, struct problem *problem);

/* Open the file, lock it and check its first record. */
bool store_file_open(struct store_file *s, enum store_mode mode, struct problem *problem);

/* Close the file and open it to be written. */
bool store_file_reopen(struct store_file *s, struct problem *problem);

/* Read what the file notes of its log. */
bool store_file_read_note(struct store_file *s, struct log_note *note, struct problem *problem);

/* Put the first record with a note, in a value of this size or larger. */
bool store_file_put_head(struct store_file *s, struct slice head, size_t size,
                         const struct log_note *note);

/* Put a line, filled up with spaces, for which TDB_FILE_SPARE bytes behind it are free. */
bool store_file_put_line(struct store_file *s, struct slice key, char *line, size_t len,
                         enum tdb_file_how how);

/* True if a key is that of a block of the journal; put one, in a transaction. */
bool store_file_is_block(struct slice key);
bool store_file_put_block(struct store_file *s, struct slice key, struct slice block);

/* Fetch a value, whose dptr is to be freed if it was found. */
enum store_found store_file_fetch(struct store_file *s, struct slice key, TDB_DATA *value);

#endif
