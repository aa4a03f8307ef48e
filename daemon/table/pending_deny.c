/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/pending_deny.h"

#include <string.h>

#include "proto/limits.h"

void pending_deny_begin(struct pending_denies *all, struct pending_deny *d, const uint8_t *id)
{
    struct pending_deny **first = &all->bucket[id[0] % PENDING_DENY_BUCKETS];

    if (d->link != NULL)
        return;
    *d = (struct pending_deny){ .id = id, .next = *first, .link = first };
    if (d->next != NULL)
        d->next->link = &d->next;
    *first = d;
}

void pending_deny_end(struct pending_deny *d)
{
    if (d->link == NULL)
        return;
    *d->link = d->next;
    if (d->next != NULL)
        d->next->link = d->link;
    d->link = NULL;
}

bool pending_deny_exists(const struct pending_denies *all, const uint8_t *id)
{
    for (const struct pending_deny *d = all->bucket[id[0] % PENDING_DENY_BUCKETS]; d != NULL;
         d = d->next)
        if (memcmp(d->id, id, ID_SIZE) == 0)
            return true;
    return false;
}
