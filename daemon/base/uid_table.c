/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/uid_table.h"

#include <stddef.h>

struct uid_entry *uid_table_find(const struct uid_table *t, uid_t uid)
{
    struct uid_entry *entry = t->bucket[uid % UID_TABLE_BUCKETS];

    while (entry != NULL && entry->uid != uid)
        entry = entry->next;
    return entry;
}

/* Return the link to an entry, or for NULL the one at the end of the uid's bucket. */
static struct uid_entry **link_to(struct uid_table *t, uid_t uid, const struct uid_entry *entry)
{
    struct uid_entry **link = &t->bucket[uid % UID_TABLE_BUCKETS];

    while (*link != entry)
        link = &(*link)->next;
    return link;
}

void uid_table_add(struct uid_table *t, struct uid_entry *entry, uid_t uid)
{
    *entry = (struct uid_entry){ .uid = uid };
    *link_to(t, uid, NULL) = entry;
}

void uid_table_remove(struct uid_table *t, struct uid_entry *entry)
{
    *link_to(t, entry->uid, entry) = entry->next;
}

struct uid_entry *uid_table_next(const struct uid_table *t, const struct uid_entry *entry)
{
    size_t i = entry != NULL ? entry->uid % UID_TABLE_BUCKETS + 1 : 0;

    if (entry != NULL && entry->next != NULL)
        return entry->next;
    while (i < UID_TABLE_BUCKETS && t->bucket[i] == NULL)
        i++;
    return i < UID_TABLE_BUCKETS ? t->bucket[i] : NULL;
}
