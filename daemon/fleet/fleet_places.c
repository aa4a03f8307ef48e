/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_places.h"

#include "daemon/base/page_array.h"

bool fleet_places_init(struct fleet_places *p)
{
    *p = (struct fleet_places){ 0 };
    p->ring = page_array_grow(NULL, &p->capacity, sizeof(*p->ring), FLEET_PLACES_MAX);
    return p->ring != NULL;
}

void fleet_places_free(struct fleet_places *p)
{
    page_array_free(p->ring, p->capacity, sizeof(*p->ring));
    *p = (struct fleet_places){ 0 };
}

void fleet_places_clear(struct fleet_places *p)
{
    p->start = p->count = 0;
}

static struct fleet_place *slot(const struct fleet_places *p, size_t at)
{
    return &p->ring[(p->start + at) % FLEET_PLACES_MAX];
}

const struct fleet_place *fleet_places_at(const struct fleet_places *p, size_t at)
{
    return slot(p, at);
}

void fleet_places_copy(struct fleet_places *to, const struct fleet_places *from)
{
    to->start = 0;
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++)
        to->ring[i] = *slot(from, i);
}

size_t fleet_places_below(const struct fleet_places *p, uint64_t serial)
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slot(p, middle)->serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void fleet_places_push(struct fleet_places *p, const struct fleet_place *place)
{
    if (p->count > 0 && slot(p, p->count - 1)->serial >= place->serial)
        p->count = fleet_places_below(p, place->serial);
    if (p->count == FLEET_PLACES_MAX) {
        p->start = (p->start + 1) % FLEET_PLACES_MAX;
        p->count--;
    }
    *slot(p, p->count++) = *place;
}

bool fleet_places_has(const struct fleet_places *p, const struct fleet_place *place)
{
    size_t at = fleet_places_below(p, place->serial);

    return at < p->count && fleet_place_equal(slot(p, at), place);
}

bool fleet_places_rewind(struct fleet_places *p, const struct fleet_place *place)
{
    if (!fleet_places_has(p, place))
        return false;
    p->count = fleet_places_below(p, place->serial) + 1;
    return true;
}

struct fleet_place fleet_places_newest(const struct fleet_places *p)
{
    return p->count > 0 ? *slot(p, p->count - 1) : (struct fleet_place){ 0 };
}
