/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/newer_bans.h"

#include <stdlib.h>

#include "daemon/store/ban.h"

static bool is_ban(const struct overlay_entry *e)
{
    return !e->removed && slice_begins(e->key, BAN_KEY);
}

/* Add those of a layer, but for what a newer one has. */
static bool add(struct newer_bans *newer, struct store_log *l, const struct overlay *layer,
                const struct overlay *above)
{
    struct overlay_entry e;
    struct slice value;

    for (size_t at = 0; overlay_next(layer, &at, &e);) {
        if (!is_ban(&e) || (above != NULL && overlay_find(above, e.key, &value) != OVERLAY_NOTHING))
            continue;
        struct newer_ban *ban = &newer->ban[newer->count];
        *ban = (struct newer_ban){ .key = e.key, .value = e.value };
        if (!checkpoint_chain(l->checkpoint, e.key, &ban->chain))
            return false;
        newer->count++;
    }
    return true;
}

static size_t count(const struct overlay *layer)
{
    struct overlay_entry e;
    size_t bans = 0;

    for (size_t at = 0; layer != NULL && overlay_next(layer, &at, &e);)
        bans += is_ban(&e);
    return bans;
}

static int compare(const void *left, const void *right)
{
    const struct newer_ban *a = left, *b = right;

    return (a->chain > b->chain) - (a->chain < b->chain);
}

bool newer_bans_list(struct newer_bans *newer, struct store_log *l)
{
    size_t most = count(l->active) + count(l->frozen);

    *newer = (struct newer_bans){ NULL, 0 };
    if (most == 0)
        return true;
    newer->ban = calloc(most, sizeof(*newer->ban));
    bool listed = newer->ban != NULL && add(newer, l, l->active, NULL) &&
                  (l->frozen == NULL || add(newer, l, l->frozen, l->active));
    if (!listed)
        newer_bans_free(newer);
    else if (newer->count > 0)
        qsort(newer->ban, newer->count, sizeof(*newer->ban), compare);
    return listed;
}

void newer_bans_free(struct newer_bans *newer)
{
    free(newer->ban);
    *newer = (struct newer_bans){ NULL, 0 };
}

size_t newer_bans_from(const struct newer_bans *newer, uint32_t chain)
{
    size_t low = 0, high = newer->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (newer->ban[middle].chain < chain)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
