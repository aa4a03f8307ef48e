/* SPDX-License-Identifier: Apache-2.0 */
/* One change on its way from a connection to the writer and back.
 *
 * The worker fills the question and posts it; the writer's thread decides, saves and publishes,
 * fills the outcome and posts it to `home`; the worker words the reply.  One thread owns it at a
 * time. */
#ifndef JETON_DAEMON_WRITER_CHANGE_H
#define JETON_DAEMON_WRITER_CHANGE_H

#include "daemon/table/pending_deny.h"
#include "daemon/base/mailbox.h"
#include "daemon/store/record.h"
#include "daemon/store/store.h"
#include "proto/request.h"
#include "proto/token.h"

struct change;

/* Decides, inside the transaction, what a change does: reads what it needs, and fills the
 * outcome.  Not STATUS_OK: the change is refused, and has done nothing. */
typedef enum status change_apply(struct change *c, struct store *store, int64_t now);

struct change_kind {
    const char *event; /* in the journal */
    change_apply *apply;
    uint32_t deny;     /* SLOT_REVOKED or SLOT_DISABLED: takes effect before the commit */
    bool allow;        /* ends a disable */
    bool adds;         /* may bring one more token */
    bool shows_claims; /* its journal entry bears the claims */
};

struct change {
    struct mail mail; /* first: mail is the change */
    struct mailbox *reply_to;
    void *sender;                     /* the SENDERBUSINESS */
    struct pending_deny pending_deny; /* of a disable; the token_table's, by its own rules */
    const struct change_kind *kind;

    /* the question */
    uid_t uid;
    pid_t pid;
    uint8_t id[ID_SIZE]; /* the token it is about, unless it brings one */
    uint32_t given;      /* KEY_BITs of the claims in `want` that were given */
    int64_t ttl;         /* seconds from now, if KEY_TTL was given; so with the next two */
    int64_t delay;
    int64_t grace;
    bool revoke; /* an import's state=revoked or disabled, without its date */
    bool disable;

    /* the outcome */
    bool puts;            /* `after` is what the token is now */
    bool rotates;         /* and so is `found`, the one that was rotated */
    bool removes;         /* the token is gone; `after` is what it was */
    bool is_new;          /* `after` was not there before */
    uint64_t serial;      /* of its journal entry */
    struct record *after; /* `want` of a new token, or else `found` */

    /* these have room for more than is mostly in them */
    struct problem problem; /* .status is STATUS_OK when it is done */
    size_t value_len;       /* of a new value, to be shown once; so much change_free() wipes */
    char value[TOKEN_VALUE_MAX];
    struct record want;  /* of the question */
    struct record found; /* what the store says of the token, and then what is made of it */
};

/* All zeros, without a problem or a value, and empty records; NULL if there is no memory. */
struct change *change_new(const struct change_kind *kind);

/* Asks for what most will look at to be brought into this processor's cache: when a change comes
 * from another thread, it is in that one's.  Inline for the same reason as table_prefetch(). */
static inline __attribute__((always_inline)) void change_prefetch(const struct change *c)
{
    __builtin_prefetch(&c->kind);
    __builtin_prefetch(&c->serial);
    __builtin_prefetch(&c->problem);
    __builtin_prefetch(c->value);
    __builtin_prefetch(&c->want);
    __builtin_prefetch(&c->want.by);
    __builtin_prefetch(c->want.texts);
    __builtin_prefetch(c->want.texts + 64);
}

/* Wipes the value. */
void change_free(struct change *c);

/* True if the outcome has to be saved. */
bool change_writes(const struct change *c);

/* Adds the journal entry of an applied change; `claims` are those of its token, as record_put_claims()
 * words them.  False: it does not fit into the journal's block. */
bool change_add_entry(const struct change *c, struct journal *j, struct slice claims, int64_t now);

#endif
