/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that stand in memory but are not saved.  The writer's thread only.
 *
 * Small, because a dead disk may leave one for every token. */
#ifndef JETON_DENIAL_H
#define JETON_DENIAL_H

#include "daemon/writer/change.h"
#include "daemon/table/token_table.h"

struct denial {
    struct mail mail;           /* first: it is listed as mail */
    const struct change_kind *kind;
    uid_t uid;
    pid_t pid;
    uint8_t id[ID_SIZE];
};

/* An empty one is all zeros. */
struct denials {
    struct mail *first;         /* struct denial */
    struct mail *last;
    size_t count;               /* the same one may be there more than once */
    size_t tidy;                /* at this many, duplicates are dropped */
};

/* Keeps what a change denies.  Without memory for that it still stands, and its sender is told
 * that it is not saved. */
void denial_hold(struct denials *held, const struct change *c);

/* The flags that a held denial sets for a token; 0: none. */
uint32_t denial_flags(const struct denials *held, const uint8_t id[ID_SIZE]);

/* Lets them take effect again, in a table that was made anew from the store. */
void denial_renew(const struct denials *held, struct publisher *publisher);

/* Turns up to `most` of them back into changes; returns how many. */
size_t denial_take(struct denials *held, struct mail_list *changes, size_t most);

void denial_clear(struct denials *held);

#endif
