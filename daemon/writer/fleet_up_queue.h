/* SPDX-License-Identifier: Apache-2.0 */
/* Changes for the fleet's database: requests, from when they are made until the database has answered.
 *
 *     waiting ──offer──▶ offered ──take_offered──▶ the caller frees it, or puts it back
 *        ▲                  │
 *        └────withdraw──────┘  the agent's connection has ended: first, in their order
 *
 * Users take turns, so that none waits for all that another has asked for.  A request gets its number when it is
 * offered first, and keeps it: numbers ascend, and those of an earlier start of the daemon are lower.
 * One thread. */
#ifndef JETON_DAEMON_WRITER_FLEET_UP_QUEUE_H
#define JETON_DAEMON_WRITER_FLEET_UP_QUEUE_H

#include <sodium.h>
#include <sys/queue.h>

#include "daemon/writer/change.h"

enum {
    FLEET_UP_MAX = 4096,         /* requests but denials, which are never refused */
    FLEET_UP_MAX_A_USER = 1024,  /* ... of one user */
    FLEET_UP_OFFERED_MAX = 1000, /* that are offered, and not answered */
};

enum fleet_up_event {
    FLEET_UP_CREATE,
    FLEET_UP_IMPORT,
    FLEET_UP_UPDATE,
    FLEET_UP_ROTATE,
    FLEET_UP_ENABLE,
    FLEET_UP_REVOKE,
    FLEET_UP_DISABLE,
    FLEET_UP_DELETE,
    FLEET_UP_END, /* of a token that was rotated with a grace: no later than this */
};

struct fleet_up_user;

struct fleet_up_request {
    TAILQ_ENTRY(fleet_up_request) link;
    struct fleet_up_request *same;      /* of the queue's index */
    TAILQ_ENTRY(fleet_up_request) save; /* of those that are to be saved */
    bool saving, unsaved;               /* in which of these */
    struct fleet_up_user *user;         /* in whose queue it waits; NULL: in none */
    uint64_t number;                    /* 0: it was never offered */
    unsigned offers;
    bool offered;        /* to the agent that is connected, which has not answered */
    uint64_t not_before; /* clock_monotonic(): of one that is put back, to be offered later */
    bool indexed;
    bool kept; /* answered and settled; nothing of it is under way: fleet_up_kept.h */
    uint8_t about
        [DIGEST_SIZE]; /* the token that it changes: of a rotation the old one; it is found by it */
    uid_t by;
    enum fleet_up_event event;
    uint8_t digest[DIGEST_SIZE];
    bool asks_again; /* ... but what it adds is there: it is to be updated */
    bool confirm;    /* count the hosts on which it is in force */
    int64_t wait;    /* seconds: ... and wait so long for all */
    bool stays; /* it is offered until the database has taken it, or refused: nobody need wait */
    uint64_t unsent;          /* its number in the cache; 0: it is not saved there */
    int64_t end;              /* of FLEET_UP_END: seconds since 1970 */
    struct mail_list waiters; /* struct change: who wait for it */
    uint64_t since;           /* clock_monotonic(), when the database answered: */
    struct change_fleet_outcome outcome;
    size_t len;
    char claims[]; /* behind by=, as the agent gets them: begins with a space, or is empty */
};

TAILQ_HEAD(fleet_up_requests, fleet_up_request);

struct fleet_up_user {
    TAILQ_ENTRY(fleet_up_user) link; /* in the order of turns, while something of his waits */
    uid_t uid;
    size_t changes; /* of his, but denials, wherever they are */
    struct fleet_up_requests waiting;
    struct fleet_up_user *next; /* of all */
};

enum { FLEET_UP_BUCKETS = 4096 };

/* All zeros but for what fleet_up_queue_begin() sets. */
struct fleet_up_queue {
    TAILQ_HEAD(, fleet_up_user) turns;
    struct fleet_up_requests again; /* to be offered again, before all others */
    struct fleet_up_requests
        offered; /* in the order of their numbers, but for what is offered again */
    struct fleet_up_requests later; /* put back, in the order of `not_before` */
    struct fleet_up_user *users;
    struct fleet_up_request *about[FLEET_UP_BUCKETS]; /* all, by the token that they are about */
    uint8_t key[crypto_shorthash_KEYBYTES];           /* of that index */
    size_t changes;                                   /* requests, but denials */
    size_t denials;                                   /* requests that are */
    size_t outstanding;
    uint64_t last; /* number */
};

/* Begin an empty queue, whose numbers are above this one. */
void fleet_up_queue_begin(struct fleet_up_queue *q, uint64_t last);

/* Free all, and the changes that wait. */
void fleet_up_queue_end(struct fleet_up_queue *q);

/* True for one that takes effect on this host before the database knows it. */
bool fleet_up_is_denial(enum fleet_up_event event);

/* Return the word of an event. */
const char *fleet_up_event_word(enum fleet_up_event event);

/* Make a request with these claims, about the token of this digest, which is in no queue yet.  NULL: no memory. */
struct fleet_up_request *fleet_up_request_new(enum fleet_up_event event,
                                              const uint8_t digest[DIGEST_SIZE], uid_t by,
                                              struct slice claims);

/* Free one that is in no queue, and the changes that wait for it. */
void fleet_up_request_free(struct fleet_up_request *r);

/* True if there is no place for another change of this user that is no denial. */
bool fleet_up_queue_is_full(const struct fleet_up_queue *q, uid_t uid);

/* Add a request behind those of its user.  -ENOMEM: it was not added. */
int fleet_up_queue_add(struct fleet_up_queue *q, struct fleet_up_request *r);

/* Find a request about this token that is not forgotten; NULL: there is none.  The next one about the same token. */
struct fleet_up_request *fleet_up_queue_about(const struct fleet_up_queue *q,
                                              const uint8_t digest[DIGEST_SIZE]);
struct fleet_up_request *fleet_up_queue_next(const struct fleet_up_request *r);

/* True if one is that waits for the database, or for being settled. */
bool fleet_up_queue_is_busy(const struct fleet_up_queue *q, const uint8_t digest[DIGEST_SIZE]);

/* Likewise, a denial that another may join: the database has not answered it. */
struct fleet_up_request *fleet_up_queue_denial(const struct fleet_up_queue *q,
                                               enum fleet_up_event event,
                                               const uint8_t digest[DIGEST_SIZE], bool confirm);

/* Offer the next request whose time has come; NULL: there is none, or as many are outstanding as may be. */
struct fleet_up_request *fleet_up_queue_offer(struct fleet_up_queue *q, uint64_t now);

/* True if fleet_up_queue_offer() would return one. */
bool fleet_up_queue_has(const struct fleet_up_queue *q, uint64_t now);

/* Take the offered request with this number, which is then in no queue; NULL: there is none. */
struct fleet_up_request *fleet_up_queue_answered(struct fleet_up_queue *q, uint64_t number);

/* Put it back, to be offered from this time on.  Times that are put back ascend. */
void fleet_up_queue_put_back(struct fleet_up_queue *q, struct fleet_up_request *r,
                             uint64_t not_before);

/* Put it back, to be offered at once as a change of what it was to add. */
void fleet_up_queue_ask_again(struct fleet_up_queue *q, struct fleet_up_request *r);

/* Let a request be offered until it is answered, and count it among denials. */
void fleet_up_queue_stays(struct fleet_up_queue *q, struct fleet_up_request *r);

/* Take a request out of the queue, wherever it is. */
void fleet_up_queue_remove(struct fleet_up_queue *q, struct fleet_up_request *r);

/* The agent has gone: what is offered is to be offered again, but that for which nobody waits and which does not
 * stay, which is freed. */
void fleet_up_queue_withdraw(struct fleet_up_queue *q);

/* A request that was taken out counts, and is found, until this; before it is freed. */
void fleet_up_queue_forget(struct fleet_up_queue *q, struct fleet_up_request *r);

#endif
