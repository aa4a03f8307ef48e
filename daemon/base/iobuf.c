/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/iobuf.h"

#include <sodium.h>
#include <string.h>

#include "daemon/base/secmem.h"

void iobuf_free(struct iobuf *b)
{
    if (b->bytes != NULL)
        sodium_memzero(b->bytes + b->begin, b->end - b->begin);
    secmem_free(b->bytes, b->room);
    *b = (struct iobuf){ .cut = b->cut };
}

/* Into other memory, or to the front of the same; what is left behind is wiped. */
static void move_to(struct iobuf *b, char *to, size_t room)
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
    *b = (struct iobuf){ .bytes = to, .room = room, .end = len };
}

char *iobuf_reserve(struct iobuf *b, size_t len)
{
    size_t room = b->bytes != NULL ? b->room : IOBUF_ROOM;

    if (b->cut)
        return NULL;
    while (room - iobuf_len(b) < len)
        room *= 2;
    if (b->bytes == NULL || room > b->room) {
        char *bytes = secmem_new(room);
        b->cut = bytes == NULL;
        if (b->cut)
            return NULL;
        move_to(b, bytes, room);
    } else if (room - b->end < len) {
        move_to(b, b->bytes, room);
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
