/* SPDX-License-Identifier: Apache-2.0 */
/* The format of a write-ahead log: its bytes, without the file.  No allocation, no state; any
 * thread.
 *
 *     file     a block with the head of the file; segments of equal size, a ring
 *     segment  a block with its head; batches; what is behind them is left from earlier turns
 *     batch    its head, its body, zeros up to a whole block
 *
 * All is in blocks of 4096 bytes, and what is in one block is written by one write, once: a write
 * that is torn hurts nothing that was synced before, and none has to read a block first.
 *
 * The two heads are text, zeros behind it, and are valid in one spelling only.  The first is
 * written when the file is made; a segment's head together with its first batch:
 *
 *     jeton log v1 LF
 *     segments=4 size=4194304 check=HEX LF
 *
 *     jeton log segment v1 LF
 *     epoch=HEX sequence=9 first=1001 previous=HEX begins=no check=HEX LF
 *
 * A batch's head is binary, little-endian:
 *
 *      0  check     SipHash-2-4 of 128 bits over all that follows up to the end of the body, with
 *                   `previous` as the key
 *     16  magic     "batch v1"
 *     24  sequence  of the segment, which is in place sequence % segments; never used again
 *     32  first     serial
 *     40  count     of serials
 *     44  length    of the body
 *     48  epoch     name of the history, zeros behind it
 *     64  previous  check of the batch before, in this segment or the one before; where the log
 *                   begins, random
 *
 * So each batch is valid by itself, and follows one other batch only: what is lost, repeated,
 * reordered, left from an earlier turn or from another history does not follow. */
#ifndef JETON_DAEMON_STORE_WAL_FORMAT_H
#define JETON_DAEMON_STORE_WAL_FORMAT_H

#include "proto/limits.h"
#include "proto/text.h"

enum {
    WAL_BLOCK = 4096,
    WAL_CHECK = 16,
    WAL_BATCH_HEAD = 80,
    WAL_SEGMENTS_MIN = 2,
    WAL_SEGMENTS_MAX = 64,
    WAL_SIZE_MIN = 4 * WAL_BLOCK,
    WAL_SIZE_MAX = 64 * 1024 * 1024,
};

struct wal_shape {
    uint32_t segments;
    uint32_t size; /* of one, whole blocks */
};

struct wal_head {
    char epoch[EPOCH_TEXT + 1];
    uint64_t sequence;
    uint64_t first; /* the serial of the first batch */
    uint8_t previous[WAL_CHECK];
    bool begins; /* the log begins here: what is in the segments before is of no use */
};

struct wal_batch {
    char epoch[EPOCH_TEXT + 1];
    uint64_t sequence;
    uint64_t first;
    uint32_t count;
    uint8_t previous[WAL_CHECK];
    uint8_t check[WAL_CHECK];
    struct slice body;
};

/* True if a log may have this shape. */
bool wal_shape_valid(const struct wal_shape *shape);

/* True if a history may have this name: up to EPOCH_TEXT letters and digits. */
bool wal_epoch_valid(const char *epoch);

/* Write or read a block with a head; false: it is none. */
void wal_shape_write(char block[WAL_BLOCK], const struct wal_shape *shape);
bool wal_shape_read(const char block[WAL_BLOCK], struct wal_shape *shape);
void wal_head_write(char block[WAL_BLOCK], const struct wal_head *head);
bool wal_head_read(const char block[WAL_BLOCK], struct wal_head *head);

/* Return the bytes that a batch with such a body takes. */
static inline size_t wal_batch_size(size_t body)
{
    return (WAL_BATCH_HEAD + body + WAL_BLOCK - 1) / WAL_BLOCK * WAL_BLOCK;
}

/* Write a batch, wal_batch_size() bytes, and set its check. */
void wal_batch_write(char *at, struct wal_batch *batch);

/* True if a batch of this or a later segment may begin at a block: one need not be read otherwise. */
bool wal_batch_may_begin(const char block[WAL_BLOCK], uint64_t sequence);

/* Read the batch at the front of `left` bytes.  False: there is none that is whole. */
bool wal_batch_read(const char *at, size_t left, struct wal_batch *batch);

#endif
