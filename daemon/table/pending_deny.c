/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/pending_deny.h"

#include <string.h>

#include "proto/limits.h"

void pending_deny_begin(struct pending_denies *all, struct pending_deny *i, const uint8_t *id)
{
    struct pending_deny **first = &all->bucket[id[0] % PENDING_DENY_BUCKETS];

    if (i->link != NULL)
        return;
    *i = (struct pending_deny){ .id = id, .next = *first, .link = first };
    if (i->next != NULL)
        i->next->link = &i->next;
    *first = i;
}

void pending_deny_end(struct pending_deny *i)
{
    if (i->link == NULL)
        return;
    *i->link = i->next;
    if (i->next != NULL)
        i->next->link = i->link;
    i->link = NULL;
}

bool pending_deny_among(const struct pending_denies *all, const uint8_t *id)
{
    for (const struct pending_deny *i = all->bucket[id[0] % PENDING_DENY_BUCKETS]; i != NULL;
         i = i->next)
        if (memcmp(i->id, id, ID_SIZE) == 0)
            return true;
    return false;
}
