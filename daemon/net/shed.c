/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/shed.h"

#include <stdlib.h>

#include "daemon/net/conn.h"
#include "daemon/net/conn_private.h"

/* What a worker is asked for. */
struct order {
    struct mail mail; /* first */
    struct worker *worker;
    struct client_excess excess;
};

/* The connections that are closed first, in that order. */
struct choice {
    unsigned count;
    unsigned max;
    struct conn *conn[CLIENT_LIMIT_SHED_MAX];
};

/* True if nothing is under way; a session that is SESSION_READY has not run yet. */
static bool is_idle(const struct session *s)
{
    return (s->wait == SESSION_WAITS_FOR_INPUT || s->wait == SESSION_READY) &&
           s->state == SESSION_IDLE && !session_is_away(s) && s->first_pending == NULL &&
           s->scan == NULL && iobuf_len(&s->out) == 0;
}

static bool may_be_shed(const struct conn *c, uid_t uid)
{
    const struct session *s = &c->session;

    return s->state != SESSION_CLOSED && s->peer.uid == uid && s->role != ROLE_ADMIN;
}

/* True if `a` is to be closed rather than `b`. */
static bool goes_before(const struct conn *a, const struct conn *b)
{
    bool idle = is_idle(&a->session);

    return idle != is_idle(&b->session) ? idle : a->active < b->active;
}

static void choose(struct choice *choice, struct conn *c)
{
    unsigned at = choice->count;

    if (at == choice->max && !goes_before(c, choice->conn[at - 1]))
        return;
    if (at < choice->max)
        choice->count++;
    else
        at--;
    for (; at > 0 && goes_before(c, choice->conn[at - 1]); at--)
        choice->conn[at] = choice->conn[at - 1];
    choice->conn[at] = c;
}

static void on_delivery(struct mail *mail)
{
    struct order *order = (struct order *)mail;
    struct worker *worker = order->worker;
    struct choice choice = { .max = order->excess.connections };

    for (struct conn *c = worker->conns; c != NULL; c = conn_next(c))
        if (may_be_shed(c, order->excess.uid))
            choose(&choice, c);
    free(order);
    for (unsigned i = 0; i < choice.count; i++)
        conn_close(choice.conn[i]);
    client_limit_count_shed(worker->server->client_limit, choice.count);
}

void shed_connections(struct server *server, const struct client_excess *excess)
{
    unsigned workers = (unsigned)server->workers, serving = (unsigned)server_workers(server);
    unsigned each = (excess->connections + serving - 1) / serving;

    for (unsigned i = 0; i < workers && each > 0; i++) {
        struct order *order = malloc(sizeof(*order));
        if (order == NULL)
            return;
        *order = (struct order){
            .mail.on_delivery = on_delivery,
            .worker = &server->worker[i],
            .excess = { excess->uid, each },
        };
        mailbox_post(&server->worker[i].mailbox, &order->mail);
    }
}
