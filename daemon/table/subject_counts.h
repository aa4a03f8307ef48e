/* SPDX-License-Identifier: Apache-2.0 */
/* Count the tokens of each subject that are neither revoked nor expired.  The writer's thread only.
 *
 * A token counts until its expiry passes, without anything being done to it: the expiries wait in a
 * heap, and those of tokens that were taken back before in another one; what passes in both cancels
 * out.  So adding, taking back and looking cost a logarithm of the number of tokens, never a walk.
 * Subjects are distinguished by a keyed hash of 56 bits.  Tokens without a subject are not counted.
 *
 * What a transaction adds and takes back is in a log until it is known whether that is saved. */
#ifndef JETON_DAEMON_TABLE_SUBJECT_COUNTS_H
#define JETON_DAEMON_TABLE_SUBJECT_COUNTS_H

#include <sodium.h>

#include "daemon/table/token_table.h"

enum { SUBJECT_HASH_BITS = 56 };
enum { SUBJECT_COUNTS_RESERVED = 4 }; /* additions and removals that one reservation is for */

/* A token's end; of the subject with this hash.  Packed, as there is one for each token that ends: times end at
 * STAMP_MAX. */
struct __attribute__((packed)) subject_end {
    int64_t expires : 40;
    uint64_t subject : SUBJECT_HASH_BITS;
};

struct subject_heap {
    struct subject_end *end;
    size_t count, capacity;
};

struct subject_count {
    uint64_t subject; /* 0: free */
    int64_t count;
};

struct subject_counts {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct subject_count *slot; /* open addressing by the hash */
    size_t mask, used;          /* slots are a power of two, mask + 1 */
    struct subject_heap ends;   /* of tokens that were added and have an end */
    struct subject_heap gone;   /* of those among them that were taken back */
    int64_t passed;             /* ends up to here are not counted any more */
    struct {
        struct subject_end end;
        bool added;
    } * log;
    size_t logged, log_capacity;
};

/* Count all tokens that the table has.  False: no memory. */
bool subject_counts_begin(struct subject_counts *c, struct token_table *t);
void subject_counts_free(struct subject_counts *c);

/* Reserve memory for SUBJECT_COUNTS_RESERVED more calls of the next two, and for undoing all. */
bool subject_counts_reserve(struct subject_counts *c);

/* Add a token that is not revoked, or take it back; both do nothing if its expiry has passed. */
void subject_counts_add(struct subject_counts *c, struct slice subject, int64_t expires);
void subject_counts_remove(struct subject_counts *c, struct slice subject, int64_t expires);

/* Likewise, beside the transaction that is being made: this is kept whatever becomes of that.  Each call needs a
 * reservation of its own. */
void subject_counts_note(struct subject_counts *c, struct slice subject, int64_t expires,
                         bool added);

/* The additions and removals since the last of these calls are saved, or they are not. */
void subject_counts_keep(struct subject_counts *c);
void subject_counts_undo(struct subject_counts *c);

/* Return how many tokens of a subject are neither revoked nor expired; those of the transaction that
 * is being made included. */
uint64_t subject_counts_of(struct subject_counts *c, struct slice subject, int64_t now);

#endif
