/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/pending_deny.h"

#include <string.h>

#include "proto/limits.h"

void intent_begin(struct intents *all, struct intent *i, const uint8_t *id)
{
    struct intent **first = &all->bucket[id[0] % INTENT_BUCKETS];

    if (i->link != NULL)
        return;
    *i = (struct intent){ .id = id, .next = *first, .link = first };
    if (i->next != NULL)
        i->next->link = &i->next;
    *first = i;
}

void intent_end(struct intent *i)
{
    if (i->link == NULL)
        return;
    *i->link = i->next;
    if (i->next != NULL)
        i->next->link = i->link;
    i->link = NULL;
}

bool intent_among(const struct intents *all, const uint8_t *id)
{
    for (const struct intent *i = all->bucket[id[0] % INTENT_BUCKETS]; i != NULL; i = i->next)
        if (memcmp(i->id, id, ID_SIZE) == 0)
            return true;
    return false;
}
