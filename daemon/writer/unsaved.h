/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that stand in memory but are not saved.  The writer's thread only.
 *
 * Small, because a dead disk may leave one for every token. */
#ifndef JETON_DAEMON_WRITER_UNSAVED_H
#define JETON_DAEMON_WRITER_UNSAVED_H

#include "daemon/writer/change.h"
#include "daemon/table/token_table.h"

struct unsaved_denial {
    struct mail mail; /* first: it is listed as mail */
    const struct change_kind *kind;
    uid_t uid;
    pid_t pid;
    uint8_t id[ID_SIZE];
};

/* An empty one is all zeros. */
struct unsaved_denials {
    struct mail *first; /* struct unsaved_denial */
    struct mail *last;
    size_t count;    /* the same one may be there more than once */
    size_t dedup_at; /* at this many, duplicates are dropped */
};

/* Keeps what a change denies.  Without memory for that it still stands, and its sender is told
 * that it is not saved. */
void unsaved_add(struct unsaved_denials *list, const struct change *c);

/* The flags that a list denial sets for a token; 0: none. */
uint32_t unsaved_flags(const struct unsaved_denials *list, const uint8_t id[ID_SIZE]);

/* Lets them take effect again, in a table that was made anew from the store. */
void unsaved_reapply(const struct unsaved_denials *list, struct token_table *token_table);

/* Turns up to `most` of them back into changes; returns how many. */
size_t unsaved_take(struct unsaved_denials *list, struct mail_list *changes, size_t most);

void unsaved_clear(struct unsaved_denials *list);

#endif
