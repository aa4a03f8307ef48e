/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/creation_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/page_array.h"
#include "daemon/base/thread_heap.h"
#include "proto/pages.h"

enum {
    MANY = 10000,        /* entries whose copy is worth giving back */
    TAIL_SEARCHED = 4096 /* entries in no order among which a token is looked for one by one */
};

_Static_assert(sizeof(struct creation_entry) == 27, "an entry is packed");

/* Compare an entry with a place, which may be behind all entries that there can be. */
static int compare_place(const struct creation_entry *e, int64_t created, uint64_t serial)
{
    if (e->created != created)
        return e->created < created ? -1 : 1;
    return (e->serial > serial) - (e->serial < serial);
}

static int compare(const void *left, const void *right)
{
    const struct creation_entry *b = right;

    return compare_place(left, b->created, b->serial);
}

void creation_index_free(struct creation_index *index)
{
    page_array_free(index->entry, index->capacity, sizeof(*index->entry));
    *index = (struct creation_index){ .entry = NULL };
}

/* Populate the pages of the next `count` entries at once, which costs less than page by page. */
static void populate(struct creation_index *index, size_t count)
{
    const uintptr_t page = (uintptr_t)getpagesize();
    uintptr_t from = (uintptr_t)(index->entry + index->count) / page * page;
    uintptr_t to = (uintptr_t)(index->entry + index->count + count) / page * page;

    if (from < to)
        pages_fill((void *)from, to - from);
}

int creation_index_reserve(struct creation_index *index, size_t count)
{
    size_t before = index->capacity;
    void *entry = page_array_grow(index->entry, &index->capacity, sizeof(*index->entry),
                                  index->count + count + 1); /* an empty one has an array, too */

    if (entry == NULL)
        return -ENOMEM;
    index->entry = entry;
    if (index->capacity != before)
        populate(index, count);
    return 0;
}

void creation_index_add(struct creation_index *index, int64_t created, uint64_t serial,
                        const uint8_t id[ID_SIZE], uid_t by)
{
    struct creation_entry *e = &index->entry[index->count];

    *e = (struct creation_entry){ .created = created, .serial = serial, .by = by };
    memcpy(e->id, id, ID_SIZE);
    if (index->sorted == index->count && (index->count == 0 || compare(e - 1, e) < 0))
        index->sorted++;
    index->count++;
}

/* The C library's qsort() takes memory for a copy, which many entries leave behind in the heap. */
static void sort_entries(struct creation_entry *entry, size_t count)
{
    qsort(entry, count, sizeof(*entry), compare);
    if (count >= MANY)
        thread_heap_trim();
}

/* Merge the tail from the back, so that only the tail must be copied.  What is mostly tail, as after a start, is sorted
 * in place, and so is all without memory for the copy. */
static void merge_tail(struct creation_index *index)
{
    size_t tail = index->count - index->sorted, left = index->sorted, at = index->count;
    size_t capacity = 0;
    struct creation_entry *copy = left < tail / 2 ?
                                      NULL :
                                      page_array_grow(NULL, &capacity, sizeof(*copy), tail);

    if (copy == NULL) {
        sort_entries(index->entry, index->count);
        return;
    }
    memcpy(copy, index->entry + index->sorted, tail * sizeof(*copy));
    sort_entries(copy, tail);
    while (tail > 0) {
        bool from_left = left > 0 && compare(&index->entry[left - 1], &copy[tail - 1]) > 0;
        index->entry[--at] = from_left ? index->entry[--left] : copy[--tail];
    }
    page_array_free(copy, capacity, sizeof(*copy));
}

/* True if dropping what is removed is worth a walk over all. */
static bool has_many_removed(const struct creation_index *index)
{
    return index->removed > index->count / 4;
}

static void sort(struct creation_index *index)
{
    if (index->sorted < index->count)
        merge_tail(index);
    if (has_many_removed(index)) {
        size_t kept = 0;
        for (size_t i = 0; i < index->count; i++)
            if (!index->entry[i].removed)
                index->entry[kept++] = index->entry[i];
        index->count = kept;
        index->removed = 0;
    }
    index->sorted = index->count;
}

/* Count the sorted entries whose comparison with the place is less than `limit`. */
static size_t find_sorted(const struct creation_index *index, int64_t created, uint64_t serial,
                          int limit)
{
    size_t low = 0, high = index->sorted;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_place(&index->entry[middle], created, serial) < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Likewise, of all. */
static size_t find(struct creation_index *index, int64_t created, uint64_t serial, int limit)
{
    sort(index);
    return find_sorted(index, created, serial, limit);
}

size_t creation_index_after(struct creation_index *index, int64_t created, uint64_t serial)
{
    return find(index, created, serial, 1);
}

size_t creation_index_before(struct creation_index *index, int64_t created, uint64_t serial)
{
    return find(index, created, serial, 0);
}

/* Return the entry of a token; NULL: it is not there.  One that was removed and added again has entries of the same place
 * that are removed, too, in any order.  The tail is merged only when it is long: whoever sends changes of the fleet could
 * otherwise have all entries passed over for each, by adding old tokens and removing others in turn. */
static struct creation_entry *find_token(struct creation_index *index, int64_t created,
                                         uint64_t serial)
{
    if (index->count - index->sorted > TAIL_SEARCHED || has_many_removed(index))
        sort(index);
    for (size_t at = find_sorted(index, created, serial, 1);
         at > 0 && compare_place(&index->entry[at - 1], created, serial) == 0; at--)
        if (!index->entry[at - 1].removed)
            return &index->entry[at - 1];
    for (size_t at = index->count; at > index->sorted; at--)
        if (!index->entry[at - 1].removed &&
            compare_place(&index->entry[at - 1], created, serial) == 0)
            return &index->entry[at - 1];
    return NULL;
}

bool creation_index_has(struct creation_index *index, int64_t created, uint64_t serial)
{
    return find_token(index, created, serial) != NULL;
}

void creation_index_remove(struct creation_index *index, int64_t created, uint64_t serial)
{
    struct creation_entry *e = find_token(index, created, serial);

    if (e == NULL)
        return;
    e->removed = true;
    index->removed++;
}

void creation_index_set_by(struct creation_index *index, int64_t created, uint64_t serial, uid_t by)
{
    struct creation_entry *e = find_token(index, created, serial);

    if (e != NULL)
        e->by = by;
}
