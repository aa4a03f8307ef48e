/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over the tokens in the order of their creation, or against it, and pass over those that index
 * and table show not to be meant: a block of the index costs some microseconds, where its records
 * would cost as many hundred.  The writer's thread only.
 *
 * The place is a (created, serial) pair, so that a walk survives every change in between. */
#ifndef JETON_DAEMON_WRITER_LIST_WALK_H
#define JETON_DAEMON_WRITER_LIST_WALK_H

#include "daemon/table/creation_index.h"
#include "daemon/table/subject_index.h"
#include "daemon/table/token_peek.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/list_filter.h"

struct list_walk {
    bool begun;
    bool back;       /* the newest first */
    int64_t created; /* of the last token that was looked at */
    uint64_t serial; /* and its serial */
};

/* A token that may be meant. */
struct list_found {
    int64_t created;
    uint64_t serial;
    uint8_t id[ID_SIZE];
    bool in_table; /* it was judged by what the table has, which these are: */
    int64_t expires;
    int64_t used; /* 0: it is never used, or that was not asked for */
    uint16_t subject_len;
    char subject[SUBJECT_MAX];
};

struct list_block {
    size_t count;
    struct list_found found[TOKEN_PEEK_MAX];
};

struct list_sources {
    struct creation_index *index;
    struct token_table *token_table; /* NULL: it cannot be relied on */
    struct last_used *last_used;     /* NULL: last uses are not kept */
    bool wants_keys;                 /* expiry and subject are wanted, whatever is asked */
    bool wants_use;                  /* and the last use */
    struct subject_index *subjects;  /* only tokens of this subject, and forward; NULL: all */
    struct slice subject;
};

/* Look at the next block, and list what may be meant.  False: there is no more. */
bool list_walk_next(struct list_walk *w, const struct list_filter *f,
                    const struct list_sources *from, int64_t now, struct list_block *block);

/* Go back to just before, or just behind, a token of the block. */
void list_walk_back_to(struct list_walk *w, const struct list_found *found);
void list_walk_behind(struct list_walk *w, int64_t created, uint64_t serial);

#endif
