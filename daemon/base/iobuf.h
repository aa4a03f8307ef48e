/* SPDX-License-Identifier: Apache-2.0 */
/* Buffer a connection's bytes in one direction: appended at the back, consumed at the front.  A
 * buffer belongs to the connection's thread.  Consumed bytes are wiped: they may have been a
 * token's value.
 *
 * An empty buffer has no memory.  So a thousand idle connections take none, and the one that is
 * served next gets the memory of the one before, which is still in the processor's caches. */
#ifndef JETON_DAEMON_BASE_IOBUF_H
#define JETON_DAEMON_BASE_IOBUF_H

#include <stdbool.h>
#include <stddef.h>

enum { IOBUF_SIZE = 16 * 1024 }; /* capacity of a buffer that is not empty, before it grows */

/* All zeros are an empty buffer. */
struct iobuf {
    char *bytes;
    size_t capacity;
    size_t begin; /* first byte not consumed */
    size_t end;
    bool cut; /* memory ran out: nothing more is added */
};

/* Wipe the bytes and free their memory; the buffer is empty then. */
void iobuf_free(struct iobuf *b);

static inline size_t iobuf_len(const struct iobuf *b)
{
    return b->end - b->begin;
}

static inline char *iobuf_front(struct iobuf *b)
{
    return b->bytes + b->begin;
}

/* Return where to write `len` more bytes, after moving or growing the buffer if need be; NULL: no
 * memory. */
char *iobuf_reserve(struct iobuf *b, size_t len);

/* Append the first `len` bytes at the place that iobuf_reserve() returned. */
void iobuf_commit(struct iobuf *b, size_t len);

/* Wipe and drop `len` bytes from the front; a buffer that is empty then gives its memory back. */
void iobuf_consume(struct iobuf *b, size_t len);

#endif
