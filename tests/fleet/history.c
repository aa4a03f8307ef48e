/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/history.h"

static void keep(struct history *h, int64_t now)
{
    h->kept[h->end++ % HISTORY_KEPT] = (struct history_entry){ h->place, now };
    if (h->end - h->first > HISTORY_KEPT)
        h->first++;
}

static void add_nonce(struct history *h, const struct fleet_place *place)
{
    for (size_t i = 0; i < FLEET_NONCE_SIZE; i++)
        h->sum[i] ^= place->nonce[i];
}

void history_begin(struct history *h, const struct fleet_place *base, int64_t now)
{
    h->base = h->place = *base;
    memset(h->sum, 0, sizeof(h->sum));
    h->first = h->end;
    keep(h, now);
}

bool history_add(struct history *h, const struct fleet_place *next, int64_t now)
{
    if (next->serial != h->place.serial + 1)
        return false;
    h->place = *next;
    add_nonce(h, next);
    keep(h, now);
    return true;
}

/* Adding a nonce again takes it out. */
void history_rewind(struct history *h, uint64_t entry)
{
    while (h->end > entry + 1)
        add_nonce(h, &h->kept[--h->end % HISTORY_KEPT].place);
    h->place = h->kept[entry % HISTORY_KEPT].place;
}

const struct history_entry *history_entry(const struct history *h, uint64_t entry)
{
    return &h->kept[entry % HISTORY_KEPT];
}

int64_t history_reached(const struct history *h, uint64_t serial)
{
    if (h->end == h->first || serial > h->place.serial)
        return 0;
    const struct history_entry *oldest = history_entry(h, h->first);
    if (serial <= oldest->place.serial)
        return serial == oldest->place.serial ? oldest->at : 0;
    return history_entry(h, h->first + (serial - oldest->place.serial))->at;
}
