/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's bytes in one direction: appended at the back, consumed at the front.
 * What is consumed is wiped: it may have been a token's value.
 *
 * An empty buffer has no memory.  So a thousand connections that wait take none, and one that is
 * served gets what served the one before it, which is still in the processor's caches. */
#ifndef JETON_DAEMON_BASE_IOBUF_H
#define JETON_DAEMON_BASE_IOBUF_H

#include <stdbool.h>
#include <stddef.h>

enum { IOBUF_ROOM = 16 * 1024 }; /* of a buffer that is not empty, to begin with */

/* Zeroes are an empty one. */
struct iobuf {
    char *bytes;
    size_t room;
    size_t begin; /* first byte not consumed */
    size_t end;
    bool cut; /* there was no memory for what came next: nothing more is added */
};

void iobuf_free(struct iobuf *b);

static inline size_t iobuf_len(const struct iobuf *b)
{
    return b->end - b->begin;
}

static inline char *iobuf_front(struct iobuf *b)
{
    return b->bytes + b->begin;
}

/* Room for `len` more bytes at the back, moving or growing as needed; NULL: no memory. */
char *iobuf_reserve(struct iobuf *b, size_t len);

/* `len` bytes were written where iobuf_reserve() said. */
void iobuf_commit(struct iobuf *b, size_t len);

/* Wipes and drops `len` bytes from the front.  If none are left, neither is any room. */
void iobuf_consume(struct iobuf *b, size_t len);

#endif
