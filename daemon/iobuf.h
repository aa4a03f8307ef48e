/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's bytes in one direction: appended at the back, consumed at the front.
 * What is consumed is wiped: it may have been a token's value. */
#ifndef JETON_IOBUF_H
#define JETON_IOBUF_H

#include <stdbool.h>
#include <stddef.h>

struct iobuf {
    char *bytes;
    size_t room;
    size_t begin;               /* first byte not consumed */
    size_t end;
};

bool iobuf_init(struct iobuf *b, size_t room);
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

/* Wipes and drops `len` bytes from the front. */
void iobuf_consume(struct iobuf *b, size_t len);

/* Gives back what an empty buffer has grown beyond `room`, as far as memory allows. */
void iobuf_shrink(struct iobuf *b, size_t room);

#endif
