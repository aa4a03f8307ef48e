/* SPDX-License-Identifier: Apache-2.0 */
/* The strings in a table's arena, each of which is there once, found by a hash that only the daemon
 * keeps.  The token table's mutex guards every call. */
#ifndef JETON_DAEMON_TABLE_STRING_TABLE_H
#define JETON_DAEMON_TABLE_STRING_TABLE_H

#include "proto/table.h"

struct string_table {
    uint32_t *slot; /* references, in open addressing by the string; 0: free */
    uint32_t mask;
    uint64_t key; /* of the hash: random and odd */
    uint64_t count;
    char *arena; /* of the table, writable */
    uint64_t arena_used;
};

/* Return the most arena bytes that `tokens` tokens with `bytes` of strings take. */
uint64_t string_table_bytes(uint64_t tokens, uint64_t bytes);

/* True if slots for `strings` more are reserved; reserve them, false if there is no memory. */
bool string_table_can_add(const struct string_table *s, uint64_t strings);
bool string_table_reserve(struct string_table *s, const struct table *table, uint64_t strings);
void string_table_free(struct string_table *s);

/* Return the reference of a string, which is added if it is new.  Slot and arena must be certain to
 * have place for it. */
uint32_t string_table_intern(struct string_table *t, const struct table *table, struct slice s);

#endif
