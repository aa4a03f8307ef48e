/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that are in force in memory but not saved.  The writer's thread only.
 *
 * Each is small, because a dead disk may leave one for every token. */
#ifndef JETON_DAEMON_WRITER_UNSAVED_H
#define JETON_DAEMON_WRITER_UNSAVED_H

#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"

struct unsaved_ban {
    uint8_t names;
    uint8_t digest_alg;
    uint8_t name[CHANGE_NAMES_MAX][DIGEST_SIZE];
    int64_t until;
    bool has_banned;
    int64_t banned;
};

struct unsaved_denial {
    struct mail mail; /* first: the list links it as mail */
    const struct change_kind *kind;
    uid_t uid;
    pid_t pid;
    uid_t login;
    uint8_t id[ID_SIZE]; /* of the token; or of a ban, its reply's */
    bool has_signed;     /* the request shows the token's signed part, which the store may lack */
    uint8_t signed_part[DIGEST_SIZE];
    bool has_sha256; /* of the value, which a token may be known by */
    uint8_t sha256[DIGEST_SIZE];
    struct unsaved_ban ban[]; /* one, if it is a ban */
};

/* An empty list is all zeros. */
struct unsaved_denials {
    struct mail *first; /* struct unsaved_denial */
    struct mail *last;
    size_t count;    /* duplicates included */
    size_t dedup_at; /* the count at which duplicates are dropped; 0: not yet set */
};

/* Add what a change denies, and deny the signed part that it shows.  Without memory the denial of the
 * token stays in force all the same, and its sender gets the answer that it is not saved. */
void unsaved_add(struct unsaved_denials *list, const struct change *c,
                 struct token_table *token_table);

/* True if this token is denied by one of them. */
bool unsaved_denies(const struct unsaved_denials *list, const struct record *r);

/* Refuse a change to a token whose denial is not saved yet: the store still considers the token
 * valid, and what was denied must not be enabled or replaced on its word.  False: it is not
 * refused. */
bool unsaved_refuses(const struct unsaved_denials *list, struct change *c);

/* True if there are names among them, of bans or signed parts, that no record and no slot of a token may
 * show. */
bool unsaved_has_names(const struct unsaved_denials *list);

/* Set the denials in the table again, after it was brought into agreement with the store. */
void unsaved_reapply(const struct unsaved_denials *list, struct token_table *token_table);

/* Move up to `most` of them out of the list, as changes; return how many. */
size_t unsaved_take(struct unsaved_denials *list, struct mail_list *changes, size_t most);

void unsaved_clear(struct unsaved_denials *list);

#endif
