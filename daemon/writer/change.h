/* SPDX-License-Identifier: Apache-2.0 */
/* One change on its way from a session to the writer and back.
 *
 * The worker fills the request and posts it; the writer's thread applies, saves and publishes
 * it, fills the outcome and posts it to `reply_to`; the worker writes the reply.  One thread
 * owns it at a time. */
#ifndef JETON_DAEMON_WRITER_CHANGE_H
#define JETON_DAEMON_WRITER_CHANGE_H

#include "daemon/base/mailbox.h"
#include "daemon/base/peercred.h"
#include "daemon/store/record.h"
#include "daemon/store/store_bans.h"
#include "daemon/table/pending_deny.h"
#include "proto/fleet.h"
#include "proto/request.h"
#include "proto/token.h"

struct change;
struct policies;
struct expiry_warning;
struct fleet_notes;

enum { CHANGE_NAMES_MAX = 3, CHANGE_REFUSAL_MAX = 256, CHANGE_WAIT_MAX = 60 };

/* Apply a change inside the transaction: read what it needs from the store, and fill the outcome,
 * which the caller puts.  Not STATUS_OK: the change is refused, and *c has the problem. */
typedef enum status change_apply(struct change *c, struct store *store, int64_t now);

struct change_kind {
    const char *event; /* in the journal */
    change_apply *apply;
    uint32_t deny;     /* SLOT_REVOKED or SLOT_DISABLED: takes effect before the commit */
    bool denies;       /* it denies in another way, or asks for a denial */
    bool allow;        /* ends a disable */
    bool adds;         /* adds a token */
    bool shows_claims; /* in its journal entry */
    bool grants;       /* it may give a token more: policies apply */
    bool exemptible;   /* ... unless the user is in exempt_import */

    /* Write what the entry of a change that is about no single token has in place of an identifier; NULL: it is
     * about one. */
    void (*put)(const struct change *c, struct text *entry);
};

/* How far a change is that concerns a token of the fleet: fleet_up.h. */
enum change_fleet {
    CHANGE_LOCAL,   /* it does not, as far as is known */
    CHANGE_HELD,    /* the fleet's database has to decide */
    CHANGE_SETTLED, /* it has: the outcome is there, and is to be journalled and answered */
};

/* What became of one. */
struct change_fleet_outcome {
    struct fleet_place place; /* of the change in the fleet; serial 0: it has none */
    bool has_seen;            /* confirm=all was asked for, and counted: */
    uint64_t seen;            /* hosts on which it is in force */
    uint64_t hosts;           /* of so many */
    bool pending;             /* of a rotation: the old token's end is not confirmed yet */
};

struct change {
    struct mail mail; /* first: mail is the change */
    struct mailbox *reply_to;
    void *sender;                     /* for the thread of `reply_to` */
    struct pending_deny pending_deny; /* of a disable; the token table links it */
    const struct change *next_signed; /* of the batch: see twins.h */
    const struct change_kind *kind;

    /* the request */
    uid_t uid;
    pid_t pid;
    uid_t login;         /* PEERCRED_NO_LOGIN: none, or not known */
    uint8_t id[ID_SIZE]; /* of the token it is about, unless it adds one */
    uint64_t given;      /* KEY_BITs of the claims in `want` that were given */
    int64_t ttl;         /* seconds, if KEY_TTL was given; so with the next two */
    int64_t delay;
    int64_t grace;
    int64_t used; /* an import's: when the token was last used; 0: not given */
    bool has_sha256;
    uint8_t sha256[DIGEST_SIZE]; /* of the value that was given, which a token may be known by */
    uint8_t names;               /* of the credential that a `ban` is about */
    uint8_t name[CHANGE_NAMES_MAX][DIGEST_SIZE];
    bool has_twin;  /* the token `id` has the signed part of the one that is meant */
    bool by_signed; /* the token of that signed part is meant if none has this value */
    bool by_self;  /* of the user whose name is the subject in `want`, who may change what is his */
    bool withheld; /* its denial takes no effect before the token is found to be the user's */
    struct expiry_warning *warning;  /* of an announcement that a token will expire, ... */
    uint64_t warning_place;          /* ... its place in the order */
    struct fleet_notes *fleet_notes; /* of an entry about what the fleet brought */
    bool of_many;   /* a filter has selected its token: it is answered with others */
    bool in_force;  /* the denial is in the table: nothing is to be done there */
    bool may_lapse; /* the clock is good enough to find that a ban is over */
    bool revoke;    /* an import's state= is this, perhaps without a date */
    bool disable;
    const struct policies *policies; /* in force while it is applied; NULL: none */
    bool no_sha256;                  /* no token is known by a SHA-256 */
    const struct record
        *fleet;     /* the token, of the fleet, in its state before; NULL: the store has it */
    uint64_t order; /* of the sender's changes: answers keep it */
    int64_t wait;   /* seconds, if KEY_WAIT was given */
    struct record *as_read; /* `found` is kept there as it was read; NULL: it is not */

    /* the outcome */
    bool has_read;     /* `as_read` has a token */
    bool puts;         /* `after` is to be put */
    bool rotates;      /* and so is `found`, the token that was rotated */
    const char *ends;  /* the event of its end; NULL: it ends when it would have anyway */
    bool announces;    /* `found` will expire soon; nothing is to be put */
    bool notes;        /* it has an entry, and changes nothing */
    bool removes;      /* the token is to be removed; `after` is what it was */
    bool is_so;        /* the token is so already: nothing is to be saved */
    bool is_new;       /* `after` must not be there yet */
    const char *event; /* in the journal, if not the kind's */
    bool needs_value;  /* a new one: new_values_make() */
    bool merge_denies; /* an import denied a token that was here */
    uint8_t bans;      /* to be put */
    uint8_t new_bans;  /* of these, those that are not there yet */
    struct ban ban[CHANGE_NAMES_MAX];
    uint8_t lapses; /* bans that are over, and to be removed */
    uint8_t lapsed[CHANGE_NAMES_MAX][DIGEST_SIZE];
    uint64_t serial;             /* of its journal entry; that of `ends` has the next one */
    struct record *after;        /* `want` of a new token, or else `found` */
    const struct record *before; /* the token as it was, where the entry shows that; or NULL */
    uint16_t refusal_len;        /* of the fields of a refusal by policy */
    bool of_others;              /* of a session that is no administrator's */
    bool is_held_of_others;      /* ... and counted among those that are held: fleet_up.c */
    bool is_counted; /* its token is counted as its subject's while it is held: fleet_up_count() */
    enum change_fleet fleet_stage;
    uint64_t
        fleet_by; /* clock_monotonic(): while it is held, when it is answered whatever is known */
    struct change_fleet_outcome fleet_outcome;

    /* mostly not full: change_new() and change_free() leave out what is not used */
    struct problem problem; /* .status is STATUS_OK when it is done */
    char refusal[CHANGE_REFUSAL_MAX];
    size_t value_len; /* of a new value, to be shown once; change_free() wipes it */
    char value[TOKEN_VALUE_MAX];
    struct record want;  /* the claims of the request; a new token */
    struct record found; /* the token that is in the store, and then what becomes of it */
};

/* Make a change of this kind, otherwise all zeros: without a problem or a value, with empty
 * records.  NULL: no memory. */
struct change *change_new(const struct change_kind *kind);

/* Likewise, one of many, which have no values: its memory is not locked, and it has no sender. */
struct change *change_new_of_many(const struct change_kind *kind);

/* Prefetch the parts that most will use: a change that comes from another thread is in that
 * processor's cache.  Inline for the same reason as table_prefetch(). */
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

/* Wipe the value; NULL is allowed. */
void change_free(struct change *c);

/* True if the outcome has to be saved. */
bool change_writes(const struct change *c);

/* True if a token passes in fewer cases by the outcome, which is in force: its answer promises
 * that.  So does the answer to a denial that finds nothing left to deny. */
bool change_narrows(const struct change *c);
/* True if it concerns the record in `after`, and not bans alone. */
bool change_has_token(const struct change *c);

/* Forget the outcome, so that the change can be applied again. */
void change_reset(struct change *c);

/* Return what its journal entry calls it. */
const char *change_event(const struct change *c);

/* Save nothing if an applied update or enable leaves the token as it was, `before`. */
void change_leave_same(struct change *c, const struct record *before);

/* Keep the token as it was before the change, or NULL, if the journal shows what that replaces. */
void change_set_before(struct change *c, const struct record *before);

/* Add the journal entry of an applied change; `claims` are its token's, as record_put_claims()
 * writes them.  False: it does not fit into the journal's block. */
bool change_add_entry(const struct change *c, struct journal *j, struct slice claims, int64_t now);

/* Likewise, add the entry of the end of the token that was rotated, which has an event in `ends`;
 * it has the next serial. */
bool change_add_end_entry(const struct change *c, struct journal *j, struct slice claims,
                          int64_t now);

/* Read a token into `found`, and keep it as it is in the store, so that it need not be read again to
 * be compared with what becomes of it. */
enum store_found change_read(struct change *c, struct store *store, const uint8_t id[ID_SIZE]);

/* Find the token that `is` accepts: the one with the digest in `want`, or with the SHA-256 of the value
 * that was given, or else the twin. */
enum store_found change_find_or_twin(struct change *c, struct store *store,
                                     bool (*is)(const struct change *c));

#endif
