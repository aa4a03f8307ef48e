/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that were asked for and are not answered yet.  They belong to who asked; the
 * caller sees to it that one thread at a time is here. */
#ifndef JETON_INTENT_H
#define JETON_INTENT_H

#include <stdbool.h>
#include <stdint.h>

enum { INTENT_BUCKETS = 256 };

/* All zeros: of nothing. */
struct intent {
    const uint8_t *id;
    struct intent *next;
    struct intent **link;       /* what points at it; NULL: it is not there */
};

/* An empty one is all zeros. */
struct intents {
    struct intent *bucket[INTENT_BUCKETS];
};

/* The id must stay where it is.  Beginning or ending one twice does nothing more. */
void intent_begin(struct intents *all, struct intent *i, const uint8_t *id);
void intent_end(struct intent *i);

/* True if there is one for this token. */
bool intent_among(const struct intents *all, const uint8_t *id);

#endif
