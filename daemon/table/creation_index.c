/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/creation_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/pages.h"

enum { ROOM_MIN = 1024 };

static int compare(const void *left, const void *right)
{
    const struct creation_entry *a = left, *b = right;

    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    return (a->serial > b->serial) - (a->serial < b->serial);
}

void creation_index_free(struct creation_index *o)
{
    free(o->entry);
    *o = (struct creation_index){ .entry = NULL };
}

/* Memory for many at once is had for less than page by page. */
static void populate(struct creation_index *o, size_t count)
{
    const uintptr_t page = (uintptr_t)getpagesize();
    uintptr_t from = (uintptr_t)(o->entry + o->count) / page * page;
    uintptr_t to = (uintptr_t)(o->entry + o->count + count) / page * page;

    if (from < to)
        pages_fill((void *)from, to - from);
}

int creation_index_reserve(struct creation_index *o, size_t count)
{
    size_t room = o->room < ROOM_MIN ? ROOM_MIN : o->room;

    while (room - o->count < count)
        room *= 2;
    if (room == o->room)
        return 0;
    struct creation_entry *entry = reallocarray(o->entry, room, sizeof(*entry));
    if (entry == NULL)
        return -ENOMEM;
    o->entry = entry;
    o->room = room;
    populate(o, count);
    return 0;
}

void creation_index_add(struct creation_index *o, int64_t created, uint64_t serial,
                        const uint8_t id[ID_SIZE])
{
    struct creation_entry *e = &o->entry[o->count];

    *e = (struct creation_entry){ .created = created, .serial = serial };
    memcpy(e->id, id, ID_SIZE);
    if (o->sorted == o->count && (o->count == 0 || compare(e - 1, e) < 0))
        o->sorted++;
    o->count++;
}

/* Merges from the back, so that only the tail needs memory of its own.  Without that memory the
 * whole array is sorted in place. */
static void merge_tail(struct creation_index *o)
{
    size_t tail = o->count - o->sorted, left = o->sorted, at = o->count;
    struct creation_entry *copy = malloc(tail * sizeof(*copy));

    if (copy == NULL) {
        qsort(o->entry, o->count, sizeof(*o->entry), compare);
        return;
    }
    memcpy(copy, o->entry + o->sorted, tail * sizeof(*copy));
    qsort(copy, tail, sizeof(*copy), compare);
    while (tail > 0) {
        bool from_left = left > 0 && compare(&o->entry[left - 1], &copy[tail - 1]) > 0;
        o->entry[--at] = from_left ? o->entry[--left] : copy[--tail];
    }
    free(copy);
}

static void settle(struct creation_index *o)
{
    if (o->sorted < o->count)
        merge_tail(o);
    if (o->removed > o->count / 4) {
        size_t kept = 0;
        for (size_t i = 0; i < o->count; i++)
            if (!o->entry[i].removed)
                o->entry[kept++] = o->entry[i];
        o->count = kept;
        o->removed = 0;
    }
    o->sorted = o->count;
}

size_t creation_index_after(struct creation_index *o, int64_t created, uint64_t serial)
{
    const struct creation_entry place = { .created = created, .serial = serial };
    size_t low = 0, high;

    settle(o);
    high = o->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&o->entry[middle], &place) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void creation_index_remove(struct creation_index *o, int64_t created, uint64_t serial)
{
    size_t after = creation_index_after(o, created, serial);
    struct creation_entry *e = o->entry + after - 1;

    if (after == 0 || e->created != created || e->serial != serial || e->removed)
        return;
    e->removed = true;
    o->removed++;
}
