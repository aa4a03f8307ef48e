/* SPDX-License-Identifier: Apache-2.0 */
/* Order of a list: sort= and order=.
 *
 * By creation there is an index.  By anything else a list goes over all tokens, keeps those that come
 * first behind the last one sent, in a heap of bounded size, sends them, and goes over all again for
 * the next.  What comes equal is in the order of the serials, which are unique: so the key of the last
 * token sent is a place to go on at, whatever has become of that token.  The writer's thread, but for
 * list_order_free() and list_key_parse(). */
#ifndef JETON_DAEMON_WRITER_LIST_ORDER_H
#define JETON_DAEMON_WRITER_LIST_ORDER_H

#include <sys/types.h>

#include "proto/limits.h"
#include "proto/line.h"

enum list_sort { LIST_BY_CREATION, LIST_BY_EXPIRY, LIST_BY_USE, LIST_BY_SUBJECT };

/* Where a token is in the order. */
struct list_key {
    int64_t number; /* created; expires; used, 0: never */
    uint64_t serial;
    uint16_t subject_len;
    char subject[SUBJECT_MAX];
};

/* Read "created", "expires", "used" or "subject". */
bool list_sort_parse(struct slice name, enum list_sort *sort);

/* Write and read a key: VALUE/SERIAL, where the value is a time, "never", or a subject. */
void list_key_put(struct text *t, enum list_sort sort, const struct list_key *key);
bool list_key_parse(struct slice text, enum list_sort sort, struct list_key *key);

/* Compare two keys; `back`: in the reverse order. */
int list_key_compare(const struct list_key *a, const struct list_key *b, bool back);

struct list_order;

/* Make an empty heap for at most so many tokens, one or more; fewer if this user's heaps have much
 * memory (list_memory.h).  NULL: no memory. */
struct list_order *list_order_new(enum list_sort sort, bool back, uint64_t most, uid_t uid);
void list_order_free(struct list_order *o);

/* Empty it; if it was made for fewer, it may get more memory now.  False: there is none, and it can
 * only be freed. */
bool list_order_clear(struct list_order *o, uint64_t most);
bool list_order_is_full(const struct list_order *o);

/* True if a token with this key would be kept. */
bool list_order_wants(const struct list_order *o, const struct list_key *key);

/* Keep a wanted token, in the place of the last one if it is full. */
void list_order_add(struct list_order *o, const struct list_key *key, const uint8_t id[ID_SIZE]);

/* Bring what was kept into order; then get one after the other.  False: there is no more. */
void list_order_arrange(struct list_order *o);
bool list_order_next(struct list_order *o, struct list_key *key, uint8_t id[ID_SIZE]);

#endif
