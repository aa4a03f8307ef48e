/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/subject_index.h"

#include <stdlib.h>

#include "daemon/base/page_array.h"
#include "daemon/table/generation.h"

enum {
    TAIL_MAX = 4096,    /* entries, or */
    TAIL_FRACTION = 64, /* one in so many of those that are sorted */
    INSERTED_MAX = 16,  /* so many are inserted into the tail one by one */
    REMOVED_SLACK = 1024,
    BUILD_TOKENS = 1024, /* looked up in the table at once: others wait meanwhile */
};

static int compare(const void *left, const void *right)
{
    const struct subject_entry *a = left, *b = right;

    if (a->subject != b->subject)
        return a->subject < b->subject ? -1 : 1;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    return (a->serial > b->serial) - (a->serial < b->serial);
}

static uint64_t hash(const struct subject_index *index, struct slice subject)
{
    uint64_t h;

    crypto_shorthash((unsigned char *)&h, (const unsigned char *)subject.at, subject.len,
                     index->key);
    return h;
}

void subject_index_forget(struct subject_index *index)
{
    page_array_free(index->entry, index->capacity, sizeof(*index->entry));
    *index = (struct subject_index){ .entry = NULL };
}

static bool reserve(struct subject_index *index, size_t count)
{
    void *entry = page_array_grow(index->entry, &index->capacity, sizeof(*index->entry),
                                  index->count + count + 1); /* an empty one has an array, too */

    if (entry != NULL)
        index->entry = entry;
    return entry != NULL;
}

bool subject_index_reserve(struct subject_index *index, size_t count)
{
    return !index->built || reserve(index, count);
}

/* -- order ------------------------------------------------------------------------------------- */

/* Return the first of some entries in order that is not before this one. */
static size_t lower(const struct subject_entry *entry, size_t low, size_t high,
                    const struct subject_entry *place)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&entry[middle], place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Insert the entry behind the sorted part of the tail into it. */
static void insert_next(struct subject_index *index)
{
    struct subject_entry moved = index->entry[index->tail];
    size_t at = lower(index->entry, index->sorted, index->tail, &moved);

    memmove(&index->entry[at + 1], &index->entry[at], (index->tail - at) * sizeof(*index->entry));
    index->entry[at] = moved;
    index->tail++;
}

static void sort_tail(struct subject_index *index)
{
    if (index->count - index->tail > INSERTED_MAX) {
        qsort(index->entry + index->sorted, index->count - index->sorted, sizeof(*index->entry),
              compare);
        index->tail = index->count;
    }
    while (index->tail < index->count)
        insert_next(index);
}

/* Merge the sorted tail from the back, so that only it must be copied.  Without memory for the copy,
 * sort all in place. */
static void merge_tail(struct subject_index *index)
{
    struct subject_entry *entry = index->entry;
    size_t tail = index->count - index->sorted, left = index->sorted, at = index->count;
    struct subject_entry *copy = malloc(tail * sizeof(*copy));

    if (copy == NULL) {
        qsort(entry, index->count, sizeof(*entry), compare);
        return;
    }
    memcpy(copy, entry + index->sorted, tail * sizeof(*copy));
    while (tail > 0) {
        bool from_left = left > 0 && compare(&entry[left - 1], &copy[tail - 1]) > 0;
        entry[--at] = from_left ? entry[--left] : copy[--tail];
    }
    free(copy);
}

/* Drop what is removed, if that is much; all is in order. */
static void drop_removed(struct subject_index *index)
{
    size_t kept = 0, sorted = 0;

    if (index->removed <= REMOVED_SLACK + index->count / 4)
        return;
    for (size_t i = 0; i < index->count; i++) {
        if (index->entry[i].removed)
            continue;
        sorted += i < index->sorted;
        index->entry[kept++] = index->entry[i];
    }
    index->sorted = sorted;
    index->tail = index->count = kept;
    index->removed = 0;
}

/* Merge the tail if it is long. */
static void settle(struct subject_index *index)
{
    size_t tail = index->count - index->sorted;

    if (tail <= TAIL_MAX || tail <= index->sorted / TAIL_FRACTION)
        return;
    sort_tail(index);
    merge_tail(index);
    index->sorted = index->tail = index->count;
}

/* -- tokens ------------------------------------------------------------------------------------ */

static void add(struct subject_index *index, uint64_t subject, int64_t created, uint64_t serial,
                const uint8_t id[ID_SIZE])
{
    struct subject_entry *e = &index->entry[index->count++];

    *e = (struct subject_entry){ .subject = subject, .created = created, .serial = serial };
    memcpy(e->id, id, ID_SIZE);
}

void subject_index_add(struct subject_index *index, struct slice subject, int64_t created,
                       uint64_t serial, const uint8_t id[ID_SIZE])
{
    if (!index->built || subject.len == 0)
        return;
    add(index, hash(index, subject), created, serial, id);
    settle(index);
}

/* Hash the subject that a token has in the table.  False: it is not there, or has none. */
static bool hash_of_token(const struct subject_index *index, const struct generation *g,
                          const uint8_t id[ID_SIZE], uint64_t *subject)
{
    struct place place = generation_place(g, id);
    struct slice text;

    if (!place.found)
        return false;
    struct slot_values v = generation_read(g, place.slot);
    if (!table_string(&g->table, v.subject, &text) || text.len == 0)
        return false;
    *subject = hash(index, text);
    return true;
}

/* Flag an entry of one of the sorted parts. */
static bool flag(struct subject_index *index, size_t low, size_t high,
                 const struct subject_entry *wanted)
{
    for (size_t at = lower(index->entry, low, high, wanted);
         at < high && compare(&index->entry[at], wanted) == 0; at++) {
        if (index->entry[at].removed)
            continue;
        index->entry[at].removed = true;
        index->removed++;
        return true;
    }
    return false;
}

void subject_index_remove(struct subject_index *index, struct token_table *token_table,
                          const uint8_t id[ID_SIZE], int64_t created, uint64_t serial)
{
    struct subject_entry wanted = { .created = created, .serial = serial };

    if (!index->built)
        return;
    const struct generation *g = token_table_lock(token_table);
    bool found = hash_of_token(index, g, id, &wanted.subject);
    token_table_unlock(token_table);
    if (!found)
        return;
    sort_tail(index);
    if (!flag(index, 0, index->sorted, &wanted))
        flag(index, index->sorted, index->count, &wanted);
    drop_removed(index);
}

/* Return the first entry from there on in one sorted part that is not removed. */
static const struct subject_entry *first_from(const struct subject_index *index, size_t low,
                                              size_t high, const struct subject_entry *place)
{
    size_t at = lower(index->entry, low, high, place);

    while (at < high && index->entry[at].subject == place->subject && index->entry[at].removed)
        at++;
    return at < high && index->entry[at].subject == place->subject ? &index->entry[at] : NULL;
}

bool subject_index_next(struct subject_index *index, struct slice subject, int64_t created,
                        uint64_t serial, struct creation_entry *found)
{
    struct subject_entry place = { .created = created, .serial = serial + 1 };

    if (!index->built || (serial == UINT64_MAX && created == INT64_MAX))
        return false;
    place.created += serial == UINT64_MAX;
    place.subject = hash(index, subject);
    sort_tail(index);
    const struct subject_entry *e = first_from(index, 0, index->sorted, &place);
    const struct subject_entry *other = first_from(index, index->sorted, index->count, &place);
    if (e == NULL || (other != NULL && compare(other, e) < 0))
        e = other;
    if (e == NULL)
        return false;
    *found = (struct creation_entry){ .created = e->created, .serial = e->serial };
    memcpy(found->id, e->id, ID_SIZE);
    return true;
}

/* Count a subject's entries in one sorted part. */
static uint64_t count_in(const struct subject_index *index, size_t low, size_t high,
                         uint64_t subject, uint64_t most)
{
    const struct subject_entry place = { .subject = subject, .created = INT64_MIN };
    uint64_t count = 0;

    for (size_t at = lower(index->entry, low, high, &place);
         at < high && index->entry[at].subject == subject && count < most; at++)
        count += !index->entry[at].removed;
    return count;
}

uint64_t subject_index_count(struct subject_index *index, struct slice subject, uint64_t most)
{
    if (!index->built)
        return 0;
    uint64_t of = hash(index, subject);
    sort_tail(index);
    uint64_t count = count_in(index, 0, index->sorted, of, most);
    return count + count_in(index, index->sorted, index->count, of, most - count);
}

/* -- building ---------------------------------------------------------------------------------- */

static void add_some(struct subject_index *index, const struct creation_index *creation,
                     size_t from, struct token_table *token_table)
{
    const struct generation *g = token_table_lock(token_table);
    uint64_t subject;

    for (size_t i = from; i < creation->count && i < from + BUILD_TOKENS; i++) {
        const struct creation_entry *e = &creation->entry[i];
        if (!e->removed && hash_of_token(index, g, e->id, &subject))
            add(index, subject, e->created, e->serial, e->id);
    }
    token_table_unlock(token_table);
}

bool subject_index_build(struct subject_index *index, const struct creation_index *creation,
                         struct token_table *token_table)
{
    if (index->built)
        return true;
    crypto_shorthash_keygen(index->key);
    if (!reserve(index, creation->count))
        return false;
    for (size_t from = 0; from < creation->count; from += BUILD_TOKENS)
        add_some(index, creation, from, token_table);
    qsort(index->entry, index->count, sizeof(*index->entry), compare);
    index->sorted = index->tail = index->count;
    index->built = true;
    return true;
}
