/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_order.h"

#include <stdlib.h>

#include "daemon/writer/list_memory.h"
#include "proto/stamp.h"
#include "proto/table.h"

enum {
    MOST = 65536,         /* tokens in a heap; they have some 40 bytes */
    MOST_SUBJECTS = 4096, /* ... and as many subjects */
    FEW = 256,            /* ... at least */
};

struct entry {
    int64_t number;
    uint64_t serial;
    uint32_t text; /* the number of its subject */
    uint16_t subject_len;
    uint8_t id[ID_SIZE];
};

struct list_order {
    bool back;
    bool has_subjects;
    uid_t uid;
    size_t most;
    size_t count;
    size_t next; /* to be taken, once they are arranged */
    size_t bytes;
    struct entry *entry; /* a heap whose first is the last in the order */
    char (*subject)[SUBJECT_MAX];
};

/* -- keys ------------------------------------------------------------------------------------ */

bool list_sort_parse(struct slice name, enum list_sort *sort)
{
    static const char *const names[] = {
        [LIST_BY_CREATION] = "created",
        [LIST_BY_EXPIRY] = "expires",
        [LIST_BY_USE] = "used",
        [LIST_BY_SUBJECT] = "subject",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *sort = (enum list_sort)i;
        if (slice_is(name, names[i]))
            return true;
    }
    return false;
}

/* Return what stands for "never" in the order. */
static int64_t never(enum list_sort sort)
{
    return sort == LIST_BY_USE ? 0 : TIME_NEVER;
}

void list_key_put(struct text *t, enum list_sort sort, const struct list_key *key)
{
    char bytes[SUBJECT_MAX + STAMP_TEXT + 32];
    struct text value = text_in(bytes, sizeof(bytes));

    if (sort == LIST_BY_SUBJECT)
        text_add(&value, key->subject, key->subject_len);
    else if (key->number == never(sort))
        text_adds(&value, "never");
    else
        stamp_write(&value, key->number);
    text_addc(&value, '/');
    text_add_u64(&value, key->serial);
    line_put(t, "next", text_slice(&value));
}

bool list_key_parse(struct slice text, enum list_sort sort, struct list_key *key)
{
    size_t slash = text.len;

    *key = (struct list_key){ .number = 0 };
    while (slash > 0 && text.at[slash - 1] != '/')
        slash--;
    if (slash == 0 || !number_parse((struct slice){ text.at + slash, text.len - slash }, UINT64_MAX,
                                    &key->serial))
        return false;
    struct slice value = { text.at, slash - 1 };
    if (sort != LIST_BY_SUBJECT) {
        key->number = never(sort);
        return slice_is(value, "never") || stamp_parse(value, &key->number);
    }
    if (value.len > sizeof(key->subject))
        return false;
    key->subject_len = (uint16_t)value.len;
    memcpy(key->subject, value.at, value.len);
    return true;
}

static int compare(int64_t number, int64_t other_number, struct slice subject, struct slice other,
                   uint64_t serial, uint64_t other_serial)
{
    size_t both = subject.len < other.len ? subject.len : other.len;
    int order = both > 0 ? memcmp(subject.at, other.at, both) : 0;

    if (number != other_number)
        return number < other_number ? -1 : 1;
    if (order != 0 || subject.len != other.len)
        return order != 0 ? order : subject.len < other.len ? -1 : 1;
    return (serial > other_serial) - (serial < other_serial);
}

int list_key_compare(const struct list_key *a, const struct list_key *b, bool back)
{
    int order = compare(a->number, b->number, (struct slice){ a->subject, a->subject_len },
                        (struct slice){ b->subject, b->subject_len }, a->serial, b->serial);

    return back ? -order : order;
}

/* -- the heap -------------------------------------------------------------------------------- */

static void release(struct list_order *o)
{
    list_memory_give(o->uid, o->bytes);
    free(o->entry);
    free(o->subject);
    o->entry = NULL;
    o->subject = NULL;
    o->bytes = o->most = 0;
}

/* Get memory for at most so many tokens.  False: there is none. */
static bool reserve(struct list_order *o, size_t most)
{
    size_t unit = sizeof(*o->entry) + (o->has_subjects ? sizeof(*o->subject) : 0);

    o->most = list_memory_take(o->uid, unit, most, FEW);
    o->bytes = o->most * unit;
    o->entry = malloc(o->most * sizeof(*o->entry));
    if (o->has_subjects)
        o->subject = malloc(o->most * sizeof(*o->subject));
    return o->most > 0 && o->entry != NULL && (o->subject != NULL || !o->has_subjects);
}

/* Return how many tokens a heap may have. */
static size_t limit_of(const struct list_order *o, uint64_t most)
{
    size_t limit = o->has_subjects ? MOST_SUBJECTS : MOST;

    return most < limit ? (size_t)most : limit;
}

struct list_order *list_order_new(enum list_sort sort, bool back, uint64_t most, uid_t uid)
{
    struct list_order *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return NULL;
    o->back = back;
    o->has_subjects = sort == LIST_BY_SUBJECT;
    o->uid = uid;
    if (reserve(o, limit_of(o, most)))
        return o;
    list_order_free(o);
    return NULL;
}

void list_order_free(struct list_order *o)
{
    if (o == NULL)
        return;
    release(o);
    free(o);
}

bool list_order_clear(struct list_order *o, uint64_t most)
{
    o->count = o->next = 0;
    if (o->most >= limit_of(o, most))
        return true;
    release(o);
    return reserve(o, limit_of(o, most));
}

bool list_order_is_full(const struct list_order *o)
{
    return o->count == o->most;
}

static struct slice subject_of(const struct list_order *o, const struct entry *e)
{
    return (struct slice){ o->has_subjects ? o->subject[e->text] : NULL, e->subject_len };
}

static int compare_entries(const struct list_order *o, const struct entry *a, const struct entry *b)
{
    int order = compare(a->number, b->number, subject_of(o, a), subject_of(o, b), a->serial,
                        b->serial);

    return o->back ? -order : order;
}

bool list_order_wants(const struct list_order *o, const struct list_key *key)
{
    const struct entry *last = o->entry;

    if (!list_order_is_full(o))
        return true;
    int order = compare(key->number, last->number, (struct slice){ key->subject, key->subject_len },
                        subject_of(o, last), key->serial, last->serial);
    return o->back ? order > 0 : order < 0;
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry c = *a;

    *a = *b;
    *b = c;
}

/* Move the entry at the top of the first `count` down to its place. */
static void sink(struct list_order *o, size_t count)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare_entries(o, &o->entry[child + 1], &o->entry[child]) > 0)
            child++;
        if (compare_entries(o, &o->entry[child], &o->entry[at]) <= 0)
            return;
        swap(&o->entry[child], &o->entry[at]);
    }
}

static void rise(struct list_order *o, size_t at)
{
    for (size_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (compare_entries(o, &o->entry[at], &o->entry[parent]) <= 0)
            return;
        swap(&o->entry[at], &o->entry[parent]);
    }
}

void list_order_add(struct list_order *o, const struct list_key *key, const uint8_t id[ID_SIZE])
{
    bool full = list_order_is_full(o);
    size_t at = full ? 0 : o->count++;
    struct entry *e = &o->entry[at];

    if (!full)
        e->text = (uint32_t)at;
    e->number = key->number;
    e->serial = key->serial;
    e->subject_len = key->subject_len;
    memcpy(e->id, id, ID_SIZE);
    if (o->has_subjects && key->subject_len > 0)
        memcpy(o->subject[e->text], key->subject, key->subject_len);
    if (full)
        sink(o, o->count);
    else
        rise(o, at);
}

void list_order_arrange(struct list_order *o)
{
    for (size_t left = o->count; left > 1;) {
        swap(&o->entry[0], &o->entry[--left]);
        sink(o, left);
    }
    o->next = 0;
}

bool list_order_next(struct list_order *o, struct list_key *key, uint8_t id[ID_SIZE])
{
    if (o->next == o->count)
        return false;
    const struct entry *e = &o->entry[o->next++];
    struct slice subject = subject_of(o, e);
    key->number = e->number;
    key->serial = e->serial;
    key->subject_len = e->subject_len;
    if (subject.len > 0)
        memcpy(key->subject, subject.at, subject.len);
    memcpy(id, e->id, ID_SIZE);
    return true;
}
