/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/touched.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 1024, CAPACITY_MAX = 1 << 18 };

size_t touched_begin(struct touched *t)
{
    t->users++;
    return t->count;
}

void touched_end(struct touched *t)
{
    if (--t->users == 0)
        touched_free(t);
}

static bool grow(struct touched *t)
{
    size_t capacity = t->capacity == 0 ? CAPACITY_MIN : 2 * t->capacity;

    if (capacity > CAPACITY_MAX)
        return false;
    void *id = reallocarray(t->id, capacity, sizeof(*t->id));
    if (id == NULL)
        return false;
    t->id = id;
    t->capacity = capacity;
    return true;
}

void touched_note(struct touched *t, const uint8_t id[ID_SIZE])
{
    if (t->users == 0)
        return;
    if (t->count == t->capacity && !grow(t))
        t->lost = true;
    else
        memcpy(t->id[t->count++], id, ID_SIZE);
}

void touched_free(struct touched *t)
{
    free(t->id);
    *t = (struct touched){ .users = 0 };
}
