/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions that do not block.  They use a channel of their own, whose connection never
 * waits.  Owned by the one thread that makes these calls. */
#include "plugin/lib/jeton.h"

#include <errno.h>

#include "plugin/lib/api_guard.h"
#include "plugin/lib/handle.h"
#include "proto/token.h"

static struct channel *async_channel(const struct jeton *h)
{
    return &h->process->channel[HANDLE_CHANNELS];
}

static struct query *free_query(struct process_state *process)
{
    for (size_t i = 0; i < HANDLE_QUERIES_MAX; i++)
        if (!process->query[i].pending)
            return &process->query[i];
    return NULL;
}

/* Send a question; false: the daemon cannot be asked. */
static bool start(struct jeton *h, const struct question *q, struct query *query)
{
    struct channel *channel = async_channel(h);
    int64_t deadline = deadline_in(atomic_load(&h->timeout));

    if (channel->connection.count > 0 ?
            !connection_is_open(&channel->connection) :
            !connection_is_idle(&channel->connection) && handle_open_channel(h, channel, 0) < 0)
        return false;
    token_digest(q->value, query->digest);
    handle_fetch_table(channel, deadline);
    if (!query_send(query, &channel->connection, h->service, q, deadline))
        return false;
    query->pending = true;
    connection_send(&channel->connection);
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
    if (handle_lookup(h, &q, claims, &status))
        return status;
    struct query *query = free_query(h->process);
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
    for (size_t i = 0; i < HANDLE_QUERIES_MAX; i++) {
        struct query *query = &h->process->query[i];
        if (query->pending && query->context == context) {
            query->done = NULL;
            query->claims = NULL;
        }
    }
}

int jeton_fd(const struct jeton *h)
{
    const struct connection *c = &async_channel(h)->connection;
    int error = errno, fd = connection_is_open(c) ? c->identity->fd : -1;

    errno = error;
    return fd;
}

short jeton_events(const struct jeton *h)
{
    return connection_events(&async_channel(h)->connection);
}

int jeton_timeout(const struct jeton *h)
{
    const struct connection *c = &async_channel(h)->connection;
    int64_t left = connection_deadline(c) - deadline_now();

    if (c->count == 0)
        return -1;
    return left <= 0 || jeton_fd(h) < 0 ? 0 : (int)left;
}

void jeton_dispatch(struct jeton *h)
{
    struct connection *c = &async_channel(h)->connection;
    struct api_guard guard = api_guard_begin();

    if (c->identity != NULL || c->count > 0)
        connection_step(c);
    if (connection_deadline(c) <= deadline_now())
        connection_close(c);
    api_guard_end(guard);
}
