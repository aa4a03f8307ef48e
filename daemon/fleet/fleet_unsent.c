/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_unsent.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void fleet_unsent_free(struct fleet_unsent_list *l)
{
    free(l->denial);
    *l = (struct fleet_unsent_list){ 0 };
}

/* What was removed from the front gives its space back when that is half of all. */
bool fleet_unsent_reserve(struct fleet_unsent_list *l, size_t more)
{
    size_t needed = l->count + more, capacity = l->capacity > 0 ? l->capacity : FIRST_CAPACITY;

    if (l->start + needed <= l->capacity)
        return true;
    if (l->start > 0 && needed <= l->capacity / 2) {
        memmove(l->denial, l->denial + l->start, l->count * sizeof(*l->denial));
        l->start = 0;
        return true;
    }
    while (capacity < l->start + needed)
        capacity *= 2;
    struct fleet_unsent *denial = reallocarray(l->denial, capacity, sizeof(*denial));
    if (denial == NULL)
        return false;
    l->denial = denial;
    l->capacity = capacity;
    return true;
}

void fleet_unsent_add(struct fleet_unsent_list *l, const struct fleet_unsent *denial)
{
    l->denial[l->start + l->count++] = *denial;
    l->last = denial->number;
}

/* Return the index of the first denial with this number or a greater one. */
static size_t find(const struct fleet_unsent_list *l, uint64_t number)
{
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->denial[l->start + middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Mostly the first is removed. */
bool fleet_unsent_remove(struct fleet_unsent_list *l, uint64_t number)
{
    size_t at = find(l, number);

    if (at == l->count || l->denial[l->start + at].number != number)
        return false;
    struct fleet_unsent *front = l->denial + l->start;
    l->count--;
    if (at < l->count / 2) {
        memmove(front + 1, front, at * sizeof(*front));
        l->start++;
    } else {
        memmove(front + at, front + at + 1, (l->count - at) * sizeof(*front));
    }
    return true;
}

const struct fleet_unsent *fleet_unsent_after(const struct fleet_unsent_list *l, uint64_t number)
{
    size_t at = number < UINT64_MAX ? find(l, number + 1) : l->count;

    return at < l->count ? &l->denial[l->start + at] : NULL;
}

bool fleet_unsent_copy(struct fleet_unsent_list *to, const struct fleet_unsent_list *from)
{
    *to = (struct fleet_unsent_list){ .last = from->last };
    if (!fleet_unsent_reserve(to, from->count))
        return false;
    for (size_t i = 0; i < from->count; i++)
        fleet_unsent_add(to, &from->denial[from->start + i]);
    to->last = from->last;
    return true;
}
