/* SPDX-License-Identifier: Apache-2.0 */
/* A store, for the files that make it up.  The writer's thread only, but for the file while a checkpoint
 * has it (checkpoint.h). */
#ifndef JETON_DAEMON_STORE_STORE_PRIVATE_H
#define JETON_DAEMON_STORE_STORE_PRIVATE_H

#include "daemon/store/record.h"
#include "daemon/store/store_log.h"

struct store {
    struct store_file base;
    struct store_log *log;       /* NULL: everything is written straight to the file */
    uint64_t log_size;           /* that it is to have; 0: none */
    void (*wake)(void *context); /* called when a checkpoint has ended; NULL: nothing is */
    void *wake_context;
    int64_t log_retry;   /* when to try to begin one again; clock_seconds() */
    struct slice claims; /* in `line` */
    char line[RECORD_LINE_MAX + TDB_FILE_SPARE]; /* the record that was last put */
    struct store_backup *backup;                 /* NULL: none */
};

/* True if a transaction is, or the last one was, one of the file itself. */
static inline bool store_is_direct(const struct store *s)
{
    return s->log == NULL || s->log->direct;
}

#endif
