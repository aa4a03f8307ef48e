/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of which a snapshot's file consists, and its head.  No state; any thread.
 *
 *     file     the head; entries; the tail: whole blocks
 *
 * Each block, little-endian:
 *
 *      0  check     SipHash-2-4 of 128 bits over all that follows, with the file's name as the key
 *     16  number    of the block in the file, from 0 on
 *     20  kind      of its bytes, enum fleet_block_kind
 *     22  used      how many bytes are used; zeros behind them
 *     24  bytes
 *
 * The head's bytes:
 *
 *      0  magic     "jeton fleet v1" LF NUL; another version is not read
 *     16  name      of the file, 16 random bytes: so no block of another file is taken for one of this
 *     32  epoch     the history of the log, text (daemon/store/wal.h)
 *     48  next      the first serial of the log that is not in the snapshot
 *     56  entries   how many there are
 *     64  blocks    how many have entries
 *     72  places    how many there are
 *     80  unsent    how many denials there are
 *     88  last      the greatest number of an unsent denial that was ever used
 *
 * A block of entries has whole entries, each behind its length in 16 bits (fleet_entry_format.h), ascending by
 * digest; no block is empty.  The tail is one sequence of bytes: for each block of entries the first eight
 * bytes of the first digest, as a number; then the places, the oldest first, each a serial and a nonce; then
 * the unsent denials (fleet_batch.h). */
#ifndef JETON_DAEMON_FLEET_FLEET_BLOCK_H
#define JETON_DAEMON_FLEET_FLEET_BLOCK_H

#include "proto/limits.h"
#include "proto/text.h"

enum {
    FLEET_BLOCK = 8192,
    FLEET_BLOCK_HEAD = 24,
    FLEET_BLOCK_BYTES = FLEET_BLOCK - FLEET_BLOCK_HEAD,
    FLEET_FILE_NAME = 16,
};

enum fleet_block_kind { FLEET_BLOCK_FILE = 1, FLEET_BLOCK_ENTRIES, FLEET_BLOCK_TAIL };

struct fleet_head {
    uint8_t name[FLEET_FILE_NAME];
    char epoch[EPOCH_TEXT + 1];
    uint64_t next;
    uint64_t entries;
    uint64_t blocks;
    uint64_t places;
    uint64_t unsent;
    uint64_t last;
};

/* Complete a block whose `used` bytes are there. */
void fleet_block_seal(char block[FLEET_BLOCK], const uint8_t name[FLEET_FILE_NAME], uint32_t number,
                      enum fleet_block_kind kind, size_t used);

/* Return the bytes of a block; at == NULL: it is damaged, or another one. */
struct slice fleet_block_open(const char block[FLEET_BLOCK], const uint8_t name[FLEET_FILE_NAME],
                              uint32_t number, enum fleet_block_kind kind);

/* Write the first block, and read it; false: it is none, or damaged. */
void fleet_head_write(char block[FLEET_BLOCK], const struct fleet_head *head);
bool fleet_head_read(const char block[FLEET_BLOCK], struct fleet_head *head);

/* Return how many bytes the tail has, and how many blocks the file. */
uint64_t fleet_head_tail(const struct fleet_head *head);
uint64_t fleet_head_file_blocks(const struct fleet_head *head);

#endif
