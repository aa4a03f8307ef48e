/* SPDX-License-Identifier: Apache-2.0 */
/* Read a write-ahead log from its file: find where it begins, follow it from batch to batch, and
 * decide whether where it ends is its end.  Writes nothing.  One thread.
 *
 * A batch is written when the one before is synced.  So behind the end there may be what is left of
 * one write, and that was never acknowledged: it is torn, and is no part of the log.  If instead
 * anything valid of this turn is found behind, what is missing was acknowledged: the log is
 * damaged.  What cannot be distinguished from a torn write is damage to the very last batch. */
#ifndef JETON_DAEMON_STORE_WAL_READER_H
#define JETON_DAEMON_STORE_WAL_READER_H

#include "daemon/store/wal_file.h"

struct wal_visitor {
    /* Take a batch: its first serial, how many, and its body, which is valid during the call.
     * False: go no further. */
    bool (*visit)(struct wal_visitor *visitor, uint64_t first, uint32_t count, struct slice body);
};

/* What a place of the ring holds. */
struct wal_segment {
    bool used; /* it has a valid head; otherwise nothing, or what is torn or damaged */
    struct wal_head head;
    uint64_t end;  /* the serial that follows its last batch */
    size_t length; /* up to the end of its last batch, its head included; 0: not known */
};

/* Where the next batch goes. */
struct wal_end {
    uint64_t sequence; /* of the last segment */
    size_t last;       /* where in it the last batch begins; 0: it has none */
    size_t offset;
    uint64_t next; /* serial */
    uint8_t check[WAL_CHECK];
    bool head_lost; /* the last segment has a batch, but not its head: a write was torn */
};

struct wal_reader {
    const struct wal_file *file;
    struct wal_segment segment[WAL_SEGMENTS_MAX];
    bool found;      /* there is a log in the file */
    uint64_t oldest; /* its segments, by sequence */
    uint64_t newest;
    struct wal_end end;
};

/* Read the heads.  False: *problem says why they cannot be read. */
bool wal_reader_open(struct wal_reader *r, const struct wal_file *file, struct problem *problem);

/* Visit all batches that have serials from `from` on, in order, and set the end.  The visitor may be
 * NULL.  False: *problem says what is damaged or missing, or that the visitor ended it;
 * STATUS_BUSY: another process was writing. */
bool wal_reader_read(struct wal_reader *r, uint64_t from, struct wal_visitor *visitor,
                     struct problem *problem);

#endif
