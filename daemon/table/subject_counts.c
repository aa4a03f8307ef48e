/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/subject_counts.h"

#include <stdlib.h>

#include "daemon/base/page_array.h"
#include "daemon/table/table_walk.h"

enum {
    SLOTS_MIN = 64,
    BUILD_TOKENS = 1024, /* taken from the table at once */
    GONE_SLACK = 1024,   /* so many may wait to be cancelled out, and half of all */
};

#define END_NEVER ((INT64_C(1) << 39) - 1) /* in place of TIME_NEVER */

_Static_assert(sizeof(struct subject_end) == 12, "an end is packed");

/* -- heaps ------------------------------------------------------------------------------------- */

static bool heap_reserve(struct subject_heap *h, size_t more)
{
    void *end = page_array_grow(h->end, &h->capacity, sizeof(*h->end), h->count + more);

    if (end != NULL)
        h->end = end;
    return end != NULL;
}

static void heap_free(struct subject_heap *h)
{
    page_array_free(h->end, h->capacity, sizeof(*h->end));
}

static int compare(const void *left, const void *right)
{
    const struct subject_end *a = left, *b = right;

    if (a->expires != b->expires)
        return a->expires < b->expires ? -1 : 1;
    return (a->subject > b->subject) - (a->subject < b->subject);
}

static void heap_push(struct subject_heap *h, struct subject_end new)
{
    size_t at = h->count++;

    while (at > 0 && compare(&h->end[(at - 1) / 2], &new) > 0) {
        h->end[at] = h->end[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->end[at] = new;
}

static void sift_down(struct subject_heap *h, size_t at)
{
    struct subject_end moved = h->end[at];

    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && compare(&h->end[child + 1], &h->end[child]) < 0)
            child++;
        if (compare(&h->end[child], &moved) >= 0)
            break;
        h->end[at] = h->end[child];
    }
    h->end[at] = moved;
}

static struct subject_end heap_pop(struct subject_heap *h)
{
    struct subject_end first = h->end[0];

    h->end[0] = h->end[--h->count];
    if (h->count > 0)
        sift_down(h, 0);
    return first;
}

/* -- the count of each subject ------------------------------------------------------------------ */

static uint64_t hash(const struct subject_counts *c, struct slice subject)
{
    uint64_t h;

    crypto_shorthash((unsigned char *)&h, (const unsigned char *)subject.at, subject.len, c->key);
    h >>= 64 - SUBJECT_HASH_BITS;
    return h != 0 ? h : 1;
}

static struct subject_end end_of(const struct subject_counts *c, struct slice subject,
                                 int64_t expires)
{
    if (expires > END_NEVER)
        expires = END_NEVER;
    return (struct subject_end){ expires > 0 ? expires : 0, hash(c, subject) };
}

/* Return the subject's slot, or the free one where it would be. */
static struct subject_count *find(const struct subject_counts *c, uint64_t subject)
{
    size_t at = subject & c->mask;

    while (c->slot[at].subject != 0 && c->slot[at].subject != subject)
        at = (at + 1) & c->mask;
    return &c->slot[at];
}

/* Make more slots, so that at most half of them are used. */
static bool reserve_slots(struct subject_counts *c, size_t more)
{
    struct subject_counts new = *c;
    size_t slots = c->slot != NULL ? c->mask + 1 : SLOTS_MIN;

    while ((c->used + more) * 2 > slots)
        slots *= 2;
    if (c->slot != NULL && slots == c->mask + 1)
        return true;
    new.mask = slots - 1;
    new.slot = calloc(slots, sizeof(*new.slot));
    if (new.slot == NULL)
        return false;
    for (size_t i = 0; c->slot != NULL && i <= c->mask; i++)
        if (c->slot[i].subject != 0)
            *find(&new, c->slot[i].subject) = c->slot[i];
    free(c->slot);
    *c = new;
    return true;
}

/* Free a slot, and move up those behind it that were displaced. */
static void free_slot(struct subject_counts *c, struct subject_count *slot)
{
    size_t hole = (size_t)(slot - c->slot);

    for (size_t at = (hole + 1) & c->mask; c->slot[at].subject != 0; at = (at + 1) & c->mask) {
        size_t home = c->slot[at].subject & c->mask;
        if (((at - home) & c->mask) < ((at - hole) & c->mask))
            continue;
        c->slot[hole] = c->slot[at];
        hole = at;
    }
    c->slot[hole] = (struct subject_count){ 0 };
    c->used--;
}

static void change_count(struct subject_counts *c, uint64_t subject, int by)
{
    struct subject_count *slot = find(c, subject);

    c->used += slot->subject == 0;
    slot->subject = subject;
    slot->count += by;
    if (slot->count == 0)
        free_slot(c, slot);
}

/* -- tokens ------------------------------------------------------------------------------------- */

static bool counts(const struct subject_counts *c, const struct subject_end *end)
{
    return end->expires > c->passed;
}

static void put(struct subject_counts *c, struct subject_end end, bool added)
{
    if (!counts(c, &end))
        return;
    change_count(c, end.subject, added ? 1 : -1);
    if (end.expires != END_NEVER)
        heap_push(added ? &c->ends : &c->gone, end);
}

static void put_logged(struct subject_counts *c, struct slice subject, int64_t expires, bool added)
{
    if (subject.len == 0)
        return;
    struct subject_end end = end_of(c, subject, expires);
    put(c, end, added);
    c->log[c->logged].end = end;
    c->log[c->logged++].added = added;
}

void subject_counts_add(struct subject_counts *c, struct slice subject, int64_t expires)
{
    put_logged(c, subject, expires, true);
}

void subject_counts_remove(struct subject_counts *c, struct slice subject, int64_t expires)
{
    put_logged(c, subject, expires, false);
}

void subject_counts_note(struct subject_counts *c, struct slice subject, int64_t expires,
                         bool added)
{
    if (subject.len > 0)
        put(c, end_of(c, subject, expires), added);
}

/* Let ends pass.  What was taken back comes up in both heaps at once. */
static void pass(struct subject_counts *c, int64_t now)
{
    while (c->ends.count > 0 && c->ends.end[0].expires <= now) {
        struct subject_end end = heap_pop(&c->ends);
        if (c->gone.count > 0 && compare(&c->gone.end[0], &end) == 0)
            heap_pop(&c->gone);
        else
            change_count(c, end.subject, -1);
    }
    if (now > c->passed)
        c->passed = now;
}

/* Take what was taken back out of both heaps.  A sorted array is a heap. */
static void cancel_out(struct subject_counts *c)
{
    struct subject_heap *ends = &c->ends, *gone = &c->gone;
    size_t kept = 0, at = 0;

    qsort(ends->end, ends->count, sizeof(*ends->end), compare);
    qsort(gone->end, gone->count, sizeof(*gone->end), compare);
    for (size_t i = 0; i < ends->count; i++)
        if (at < gone->count && compare(&gone->end[at], &ends->end[i]) == 0)
            at++;
        else
            ends->end[kept++] = ends->end[i];
    ends->count = kept;
    gone->count = 0;
}

bool subject_counts_reserve(struct subject_counts *c)
{
    size_t more = c->logged + SUBJECT_COUNTS_RESERVED;

    if (more > c->log_capacity) {
        size_t capacity = 2 * more;
        void *log = reallocarray(c->log, capacity, sizeof(*c->log));
        if (log == NULL)
            return false;
        c->log = log;
        c->log_capacity = capacity;
    }
    if (c->logged == 0 && c->gone.count > GONE_SLACK + c->ends.count / 2)
        cancel_out(c);
    return reserve_slots(c, more) && heap_reserve(&c->ends, more) && heap_reserve(&c->gone, more);
}

void subject_counts_keep(struct subject_counts *c)
{
    c->logged = 0;
}

void subject_counts_undo(struct subject_counts *c)
{
    while (c->logged > 0) {
        c->logged--;
        put(c, c->log[c->logged].end, !c->log[c->logged].added);
    }
}

uint64_t subject_counts_of(struct subject_counts *c, struct slice subject, int64_t now)
{
    pass(c, now);
    const struct subject_count *slot = subject.len > 0 ? find(c, hash(c, subject)) : NULL;
    return slot != NULL && slot->count > 0 ? (uint64_t)slot->count : 0;
}

/* -- the first count ---------------------------------------------------------------------------- */

static bool add_found(struct subject_counts *c, const struct table_walk_subject *found)
{
    struct subject_end end = end_of(c, (struct slice){ found->subject, found->subject_len },
                                    found->expires);

    if (!reserve_slots(c, 1) || !heap_reserve(&c->ends, 1))
        return false;
    put(c, end, true);
    return true;
}

bool subject_counts_begin(struct subject_counts *c, struct token_table *t)
{
    struct table_walk_subject *found = malloc(BUILD_TOKENS * sizeof(*found));
    uint32_t slot = 0;
    bool ok = found != NULL;

    *c = (struct subject_counts){ .passed = 0 };
    crypto_shorthash_keygen(c->key);
    while (ok) {
        size_t count = table_walk_subjects(t, &slot, UINT32_MAX, found, BUILD_TOKENS);
        for (size_t i = 0; i < count && ok; i++)
            ok = add_found(c, &found[i]);
        if (slot == 0)
            break;
    }
    free(found);
    return ok && subject_counts_reserve(c);
}

void subject_counts_free(struct subject_counts *c)
{
    free(c->slot);
    heap_free(&c->ends);
    heap_free(&c->gone);
    free(c->log);
    *c = (struct subject_counts){ .slot = NULL };
}
