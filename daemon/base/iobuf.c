/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/iobuf.h"

#include <sodium.h>
#include <string.h>

#include "daemon/base/secmem.h"

void iobuf_free(struct iobuf *b)
{
    if (b->bytes != NULL)
        sodium_memzero(b->bytes + b->begin, b->end - b->begin);
    secmem_free(b->bytes, b->capacity);
    *b = (struct iobuf){ .cut = b->cut };
}

/* Move the bytes into other memory, or to the front of the same, and wipe where they were. */
static void move_to(struct iobuf *b, char *to, size_t capacity)
{
    size_t len = iobuf_len(b);

    if (len > 0)
        memmove(to, b->bytes + b->begin, len);
    if (to != b->bytes) {
        iobuf_free(b);
    } else {
        size_t stale = b->begin > len ? b->begin : len;
        sodium_memzero(b->bytes + stale, b->end - stale);
    }
    *b = (struct iobuf){ .bytes = to, .capacity = capacity, .end = len };
}

char *iobuf_reserve(struct iobuf *b, size_t len)
{
    size_t capacity = b->bytes != NULL ? b->capacity : IOBUF_SIZE;

    if (b->cut)
        return NULL;
    while (capacity - iobuf_len(b) < len)
        capacity *= 2;
    if (b->bytes == NULL || capacity > b->capacity) {
        char *bytes = secmem_new(capacity);
        b->cut = bytes == NULL;
        if (b->cut)
            return NULL;
        move_to(b, bytes, capacity);
    } else if (capacity - b->end < len) {
        move_to(b, b->bytes, capacity);
    }
    return b->bytes + b->end;
}

void iobuf_commit(struct iobuf *b, size_t len)
{
    b->end += len;
}

void iobuf_consume(struct iobuf *b, size_t len)
{
    if (len == iobuf_len(b)) {
        iobuf_free(b);
    } else {
        sodium_memzero(b->bytes + b->begin, len);
        b->begin += len;
    }
}
