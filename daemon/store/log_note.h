/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write what the store's first record says of its log: which one it is, and up to where the
 * file has all of it.
 *
 *     v=1 created=TIME epoch=HEX                      there is no log, or it is of no use any more
 *     v=2 created=TIME epoch=HEX log=NAME:SERIAL      all before SERIAL is here; the log may have more
 *
 * The version is another, so that no older jetond opens a store without what only the log has.  The name
 * is the log's alone, and not the epoch: a new epoch may begin while there is no space for another log. */
#ifndef JETON_DAEMON_STORE_LOG_NOTE_H
#define JETON_DAEMON_STORE_LOG_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/text.h"

struct log_note {
    char name[EPOCH_TEXT + 1]; /* empty: no log */
    uint64_t next;             /* serial */
};

/* Read the first record.  False: it is of a newer version, or damaged. */
bool log_note_read(struct slice head, struct log_note *note);

/* Add a first record with another note to an empty text.  False: it does not fit, or `head` is none. */
bool log_note_write(struct text *t, struct slice head, const struct log_note *note);

bool log_note_equal(const struct log_note *a, const struct log_note *b);

/* Make up a name. */
void log_note_name(struct log_note *note);

#endif
