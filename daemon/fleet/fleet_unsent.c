/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_unsent.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void fleet_unsent_free(struct fleet_unsent_list *l)
{
    free(l->denial);
    *l = (struct fleet_unsent_list){ 0 };
}

bool fleet_unsent_reserve(struct fleet_unsent_list *l, size_t more)
{
    size_t needed = l->count + more, capacity = l->capacity > 0 ? l->capacity : FIRST_CAPACITY;

    if (needed <= l->capacity)
        return true;
    while (capacity < needed)
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
    l->denial[l->count++] = *denial;
    l->last = denial->number;
}

/* Return the index of the first denial with this number or a greater one. */
static size_t find(const struct fleet_unsent_list *l, uint64_t number)
{
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->denial[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool fleet_unsent_remove(struct fleet_unsent_list *l, uint64_t number)
{
    size_t at = find(l, number);

    if (at == l->count || l->denial[at].number != number)
        return false;
    memmove(l->denial + at, l->denial + at + 1, (l->count - at - 1) * sizeof(*l->denial));
    l->count--;
    return true;
}

const struct fleet_unsent *fleet_unsent_after(const struct fleet_unsent_list *l, uint64_t number)
{
    size_t at = number < UINT64_MAX ? find(l, number + 1) : l->count;

    return at < l->count ? &l->denial[at] : NULL;
}
