/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions that do not block: thin, because a link never does. */
#include "plugin/lib/jeton.h"

#include <errno.h>

#include "plugin/lib/handle.h"
#include "proto/token.h"

static struct channel *waiting_door(const struct jeton *h)
{
    return &h->own->channel[HANDLE_CHANNELS];
}

static struct query *free_asking(struct own *own)
{
    for (size_t i = 0; i < HANDLE_WAITING_MAX; i++)
        if (!own->query[i].waits)
            return &own->query[i];
    return NULL;
}

/* False: nobody can be asked. */
static bool start(struct jeton *h, const struct question *q, struct query *query)
{
    struct channel *channel = waiting_door(h);
    int64_t deadline = deadline_in(atomic_load(&h->timeout));

    if (channel->link.count > 0 ?
            !connection_connected(&channel->link) :
            !connection_idle(&channel->link) && handle_open_channel(h, channel, 0) < 0)
        return false;
    token_digest(q->value, query->digest);
    handle_fetch_table(channel, deadline);
    if (!query_send(query, &channel->link, h->service, q, deadline))
        return false;
    query->waits = true;
    connection_send(&channel->link);
    return true;
}

enum jeton_status jeton_verify_start(struct jeton *h, const void *value, size_t length,
                                     const char *scopes, const char *subject,
                                     struct jeton_claims *claims, jeton_done *done, void *context)
{
    enum jeton_status status;
    struct question q;

    if (!query_read(&q, value, length, scopes, subject, claims) || done == NULL)
        return JETON_INVALID;
    if (handle_ask_table(h, &q, claims, &status))
        return status;
    struct query *query = free_asking(h->own);
    if (query == NULL)
        return JETON_UNAVAILABLE;
    struct api_guard guard = api_guard_begin();
    *query = (struct query){
        .status = JETON_UNAVAILABLE,
        .claims = claims,
        .done = done,
        .context = context,
    };
    status = start(h, &q, query) ? JETON_WAITING : query->status;
    api_guard_end(guard);
    return status;
}

void jeton_cancel(struct jeton *h, void *context)
{
    for (size_t i = 0; i < HANDLE_WAITING_MAX; i++) {
        struct query *query = &h->own->query[i];
        if (query->waits && query->context == context) {
            query->done = NULL;
            query->claims = NULL;
        }
    }
}

int jeton_fd(const struct jeton *h)
{
    const struct connection *l = &waiting_door(h)->link;
    int error = errno, fd = connection_connected(l) ? l->mark->fd : -1;

    errno = error;
    return fd;
}

short jeton_events(const struct jeton *h)
{
    return connection_events(&waiting_door(h)->link);
}

int jeton_timeout(const struct jeton *h)
{
    const struct connection *l = &waiting_door(h)->link;
    int64_t left = connection_deadline(l) - deadline_now();

    if (l->count == 0)
        return -1;
    return left <= 0 || jeton_fd(h) < 0 ? 0 : (int)left;
}

void jeton_dispatch(struct jeton *h)
{
    struct connection *l = &waiting_door(h)->link;
    struct api_guard guard = api_guard_begin();

    if (l->mark != NULL || l->count > 0)
        connection_step(l);
    if (connection_deadline(l) <= deadline_now())
        connection_drop(l);
    api_guard_end(guard);
}
