/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/peers.h"

#include <stdlib.h>

#include "plugin/service/monotonic.h"

void peers_init(struct peers *p)
{
    LIST_INIT(&p->all);
    TAILQ_INIT(&p->ring);
}

struct peer *peers_find(struct peers *p, uid_t uid)
{
    struct peer *peer;

    LIST_FOREACH(peer, &p->all, all)
    if (peer->uid == uid)
        return peer;
    peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->uid = uid;
    TAILQ_INIT(&peer->due);
    for (unsigned i = 0; i < PEERS_CLASSES; i++)
        TAILQ_INIT(&peer->parked[i]);
    LIST_INSERT_HEAD(&p->all, peer, all);
    return peer;
}

void peers_forget(struct peers *p, struct peer *peer)
{
    if (peer->connections > 0)
        return;
    if (peer->in_ring)
        TAILQ_REMOVE(&p->ring, peer, ring);
    LIST_REMOVE(peer, all);
    free(peer);
}

struct peer *peers_greatest(struct peers *p)
{
    struct peer *peer, *greatest = NULL;

    LIST_FOREACH(peer, &p->all, all)
    if (greatest == NULL || peer->connections > greatest->connections)
        greatest = peer;
    return greatest;
}

/* -- turns ------------------------------------------------------------------------------------- */

void peers_queue(struct peers *p, struct turn *turn)
{
    struct peer *peer = turn->peer;

    if (turn->queued)
        return;
    turn->queued = true;
    TAILQ_INSERT_TAIL(&peer->due, turn, links);
    if (!peer->in_ring)
        TAILQ_INSERT_TAIL(&p->ring, peer, ring);
    peer->in_ring = true;
}

/* It counts as queued, so that what happens meanwhile does not queue it again. */
void peers_park(struct turn *turn)
{
    turn->queued = turn->parked = true;
    turn->peer->parked_turns++;
    TAILQ_INSERT_TAIL(&turn->peer->parked[turn->class], turn, links);
}

static void take_parked(struct turn *turn)
{
    TAILQ_REMOVE(&turn->peer->parked[turn->class], turn, links);
    turn->peer->parked_turns--;
    turn->queued = turn->parked = false;
}

static void take_due(struct turn *turn)
{
    TAILQ_REMOVE(&turn->peer->due, turn, links);
    turn->queued = false;
}

void peers_remove(struct turn *turn)
{
    if (turn->parked)
        take_parked(turn);
    else if (turn->queued)
        take_due(turn);
}

bool peers_may_ask(const struct turn *turn)
{
    return turn->peer->waiting[turn->class] < PEERS_WAITING_MAX;
}

void peers_answered(struct peers *p, struct turn *turn)
{
    turn->peer->waiting[turn->class]--;
    peers_unpark(p, turn->peer);
}

/* One of a class, not all of them: the others would only try in vain. */
void peers_unpark(struct peers *p, struct peer *peer)
{
    for (unsigned i = 0; peer->parked_turns > 0 && i < PEERS_CLASSES; i++) {
        struct turn *turn = TAILQ_FIRST(&peer->parked[i]);
        if (turn == NULL || !peers_may_ask(turn))
            continue;
        take_parked(turn);
        peers_queue(p, turn);
    }
}

bool peers_due(const struct peers *p)
{
    return !TAILQ_EMPTY(&p->ring);
}

/* Run one connection of a user, who then goes to the end of the ring, or leaves it.  Running it may
 * free the connection, and with it the user. */
static void run_one(struct peers *p, struct peer *peer)
{
    struct turn *turn = TAILQ_FIRST(&peer->due);

    TAILQ_REMOVE(&p->ring, peer, ring);
    peer->in_ring = false;
    if (turn == NULL)
        return;
    take_due(turn);
    if (!TAILQ_EMPTY(&peer->due)) {
        TAILQ_INSERT_TAIL(&p->ring, peer, ring);
        peer->in_ring = true;
    }
    turn->run(turn);
}

void peers_run(struct peers *p, int64_t nanoseconds)
{
    int64_t until = monotonic_ns() + nanoseconds;

    for (struct peer *peer; (peer = TAILQ_FIRST(&p->ring)) != NULL;) {
        run_one(p, peer);
        if (monotonic_ns() > until)
            return;
    }
}
