/* SPDX-License-Identifier: Apache-2.0 */
/* Keep in memory what the store's file does not have yet: for each key its newest value, or that it
 * is removed.  One thread; while nobody changes it, any number may read it. */
#ifndef JETON_DAEMON_STORE_OVERLAY_H
#define JETON_DAEMON_STORE_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/text.h"

struct overlay;

enum overlay_found {
    OVERLAY_NOTHING, /* it does not know the key */
    OVERLAY_VALUE,
    OVERLAY_REMOVED,
};

struct overlay_entry {
    struct slice key;
    struct slice value; /* empty if it is removed */
    bool removed;
    bool added; /* what this lies over does not have the key */
};

/* Make an empty one.  NULL: no memory. */
struct overlay *overlay_new(void);
void overlay_free(struct overlay *o);
void overlay_clear(struct overlay *o);

/* Put a value, or note that a key is removed, in place of what was noted.  False: no memory. */
bool overlay_put(struct overlay *o, struct slice key, struct slice value);
bool overlay_remove(struct overlay *o, struct slice key);

/* Put a value of a key that what this lies over does not have. */
bool overlay_add(struct overlay *o, struct slice key, struct slice value);

/* Find a key.  The value is valid until something is changed. */
enum overlay_found overlay_find(const struct overlay *o, struct slice key, struct slice *value);

/* Take the entry at `*at`, from 0 on, and go on to the next, in the order in which their keys came;
 * false at the end. */
bool overlay_next(const struct overlay *o, size_t *at, struct overlay_entry *entry);

size_t overlay_count(const struct overlay *o);

/* Return how much memory it uses. */
size_t overlay_bytes(const struct overlay *o);

/* Get the memory that merging needs; false: there is none. */
bool overlay_reserve(struct overlay *o, const struct overlay *newer);

/* Note all that another has; overlay_reserve() was called for it. */
void overlay_merge(struct overlay *o, const struct overlay *newer);

#endif
