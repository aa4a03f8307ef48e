/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/held_tables.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/file_held.h"

/* What is held at most: so many sizes of the current table, more than its growth leaves, and this. */
enum { SIZES_MAX = 4, BYTES_MAX = 64 << 20 };

void held_tables_free(struct held_tables *h, struct generation *g)
{
    uint64_t bytes = g->table.total_size;
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", g->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    generation_free(g);
    if (fd >= 0 && h->count < HELD_TABLES_MAX && file_is_held(fd)) {
        h->table[h->count].fd = fd;
        h->table[h->count++].bytes = bytes;
        h->bytes += bytes;
    } else if (fd >= 0) {
        close(fd);
    }
}

void held_tables_check(struct held_tables *h)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < h->count; i++) {
        if (file_is_held(h->table[i].fd)) {
            h->table[kept++] = h->table[i];
        } else {
            close(h->table[i].fd);
            h->bytes -= h->table[i].bytes;
        }
    }
    h->count = kept;
}

bool held_tables_are_too_many(const struct held_tables *h, uint64_t size)
{
    return h->count == HELD_TABLES_MAX || h->bytes > SIZES_MAX * size + BYTES_MAX;
}

void held_tables_clear(struct held_tables *h)
{
    for (unsigned i = 0; i < h->count; i++)
        close(h->table[i].fd);
    *h = (struct held_tables){ .count = 0 };
}
