/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for jetond, made of rows of the database.  What a row says is parsed, checked and written anew; nothing of it
 * is passed on as it came.  No state; any thread. */
#ifndef JETON_PLUGIN_FLEET_CHANGE_H
#define JETON_PLUGIN_FLEET_CHANGE_H

#include "proto/limits.h"
#include "proto/text.h"

/* Digests of a row, at most: the database's own limit. */
enum { CHANGE_DIGESTS_MAX = 1024 };

/* A row of the feed, or of a snapshot. */
struct change_row {
    struct slice event; /* of the feed */
    struct slice
        digest; /* DIGEST_SIZE bytes; a denial may be of many, one behind the other; of the feed, at NULL: not for this host */
    struct slice claims; /* at NULL: none */
    bool snapshot;
};

/* What is to be said of each of its digests. */
struct change {
    const char *verb;
    const uint8_t *digests; /* of the row, like the slices */
    size_t count;           /* 0: it is not for this host */
    size_t len;
    char words[LINE_MAX_BYTES]; /* behind the digest, with the line end */
};

/* Return how many digests a row has. */
static inline size_t change_digests(const struct change_row *row)
{
    return row->digest.at != NULL ? row->digest.len / DIGEST_SIZE : 0;
}

/* Make a `put`, `deny` or `drop` of a row.  False: it cannot be understood, and *why says what is wrong with it. */
bool change_read(struct change *c, const struct change_row *row, const char **why);

/* Return the length of all its lines. */
size_t change_size(const struct change *c);

/* Add them. */
void change_write(const struct change *c, struct text *t);

#endif
