/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/history.h"

struct history_sum history_sum(const struct fleet_place *place, struct slice digests)
{
    struct history_sum sum, part;

    memcpy(&sum, place->nonce, sizeof(sum));
    for (size_t at = 0; digests.len - at >= sizeof(part); at += sizeof(part)) {
        memcpy(&part, digests.at + at, sizeof(part));
        history_sum_add(&sum, &part);
    }
    return sum;
}

static void keep(struct history *h, struct history_sum sum, int64_t now)
{
    h->kept[h->end++ % HISTORY_KEPT] = (struct history_entry){ h->place, sum, now };
    if (h->end - h->first > HISTORY_KEPT)
        h->first++;
}

void history_begin(struct history *h, const struct fleet_place *base, int64_t now)
{
    h->base = h->place = *base;
    h->sum = (struct history_sum){ { 0 } };
    h->first = h->end;
    keep(h, h->sum, now);
}

bool history_add(struct history *h, const struct fleet_place *next, struct slice digests,
                 int64_t now)
{
    const struct history_sum sum = history_sum(next, digests);

    if (next->serial != h->place.serial + 1)
        return false;
    h->place = *next;
    history_sum_add(&h->sum, &sum);
    keep(h, sum, now);
    return true;
}

void history_rewind(struct history *h, uint64_t entry)
{
    while (h->end > entry + 1)
        history_sum_add(&h->sum, &h->kept[--h->end % HISTORY_KEPT].sum);
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
