/* SPDX-License-Identifier: Apache-2.0 */
/* Look structures up by uid: a hash table of those that begin with a uid_entry.  The caller's lock or
 * thread guards it. */
#ifndef JETON_DAEMON_BASE_UID_TABLE_H
#define JETON_DAEMON_BASE_UID_TABLE_H

#include <sys/types.h>

enum { UID_TABLE_BUCKETS = 64 };

/* The first member of a structure in a table. */
struct uid_entry {
    struct uid_entry *next; /* in its bucket */
    uid_t uid;
};

/* All zeros are an empty table. */
struct uid_table {
    struct uid_entry *bucket[UID_TABLE_BUCKETS];
};

/* Return the entry of a uid, or NULL. */
struct uid_entry *uid_table_find(const struct uid_table *t, uid_t uid);

/* Add the entry of a uid that has none, and remove one that is there. */
void uid_table_add(struct uid_table *t, struct uid_entry *entry, uid_t uid);
void uid_table_remove(struct uid_table *t, struct uid_entry *entry);

/* Return the entry after this one, or the first one after NULL; NULL at the end. */
struct uid_entry *uid_table_next(const struct uid_table *t, const struct uid_entry *entry);

#endif
