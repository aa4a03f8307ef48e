/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected: how many connections each user has, and whose turn it is.  Connections that have
 * something to do wait in a queue of their user; users take turns, so that one with many connections
 * holds up no other.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_PEERS_H
#define JETON_PLUGIN_GATEWAY_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* Whoever connects over TCP: the kernel does not name them. */
#define PEERS_TCP ((uid_t)-1)

enum {
    PEERS_CLASSES = 16,      /* of questions: those of one class go through the same handle */
    PEERS_WAITING_MAX = 200, /* questions of one user and class at a time: a handle has 250 */
};

struct peer;

/* What a connection has in its user's queue. */
struct turn {
    struct peer *peer;
    void (*run)(struct turn *turn); /* may free the turn */
    bool queued, parked;            /* what is parked is queued as well */
    unsigned class;                 /* of the question that waits, or that it is parked for */
    TAILQ_ENTRY(turn) links;
};

TAILQ_HEAD(turns, turn);

struct peer {
    uid_t uid;
    unsigned connections;
    unsigned waiting[PEERS_CLASSES]; /* questions to the daemon */
    struct turns due;                /* connections that have something to do */
    unsigned parked_turns;
    struct turns parked[PEERS_CLASSES]; /* ... but not before a question of the class is answered */
    bool in_ring;
    TAILQ_ENTRY(peer) ring;
    LIST_ENTRY(peer) all;
};

struct peers {
    LIST_HEAD(, peer) all;
    TAILQ_HEAD(, peer) ring; /* who has something due */
};

void peers_init(struct peers *p);

/* Find a user, or add one without connections; NULL: no memory. */
struct peer *peers_find(struct peers *p, uid_t uid);

/* Forget a user who has no connections. */
void peers_forget(struct peers *p, struct peer *peer);

/* Return the user with the most connections; NULL: nobody has any. */
struct peer *peers_greatest(struct peers *p);

/* Queue a connection, unless it is queued already. */
void peers_queue(struct peers *p, struct turn *turn);

/* Park it, which is not queued now, until peers_unpark() finds that a question may be asked. */
void peers_park(struct turn *turn);

/* Take a connection out of the queues. */
void peers_remove(struct turn *turn);

/* True if a question of the turn's class may be asked. */
bool peers_may_ask(const struct turn *turn);

/* The question of this turn is answered. */
void peers_answered(struct peers *p, struct turn *turn);

/* Queue the first that is parked in each class of which a question may be asked.  Call this after each run and each end of
 * a connection: whoever was queued here may not have asked. */
void peers_unpark(struct peers *p, struct peer *peer);

/* True if something is queued. */
bool peers_due(const struct peers *p);

/* Run what is queued, one connection of each user after the other, for so many nanoseconds. */
void peers_run(struct peers *p, int64_t nanoseconds);

#endif
