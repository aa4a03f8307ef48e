/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions: the table first, the daemon where the table cannot answer.
 *
 *     question ──▶ table ──▶ verdict                           no system call, no lock
 *                    │ none, torn, not held, a miss that is not final
 *                    ▼
 *                  a channel ──▶ fetch the table if it is due ──▶ table ──▶ verdict
 *                    │
 *                    ▼
 *                  verify over the socket ──▶ reply ──▶ verdict */
#include "plugin/lib/jeton.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "plugin/lib/handle.h"
#include "plugin/lib/status_text.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum {
    TIMEOUT = 1000, /* milliseconds, until it is set */
    TIMEOUT_MAX = 600000,
};

_Static_assert(sizeof(((struct jeton_claims *)NULL)->subject) > SUBJECT_MAX &&
                   sizeof(((struct jeton_claims *)NULL)->scopes) > SCOPES_TEXT_MAX &&
                   JETON_NEVER == TIME_NEVER,
               "what the table says can be told");

/* -- verifying --------------------------------------------------------------------------------- */

/* Twice: the connection may turn out to be a dead daemon's. */
static enum jeton_status ask_through(struct jeton *h, struct channel *channel,
                                     const struct question *q, struct jeton_claims *claims,
                                     int64_t deadline)
{
    struct query query = { .status = JETON_UNAVAILABLE, .claims = claims };
    enum jeton_status status;

    token_digest(q->value, query.digest);
    for (int i = 0; i < 2 && !query.received; i++) {
        if (!connection_connected(&channel->link) && handle_open_channel(h, channel, deadline) < 0)
            break;
        if (handle_fetch_table(channel, deadline)) {
            handle_wait(&channel->link, deadline);
            if (handle_ask_table(h, q, claims, &status))
                return status;
        }
        if (connection_connected(&channel->link) &&
            query_send(&query, &channel->link, h->service, q, deadline))
            handle_wait(&channel->link, deadline);
    }
    return query.status;
}

/* *deadline is set by the first of those that share it. */
static enum jeton_status ask_daemon(struct jeton *h, const struct question *q,
                                    struct jeton_claims *claims, int64_t *deadline)
{
    struct api_guard guard = api_guard_begin();
    enum jeton_status status = JETON_UNAVAILABLE;

    if (*deadline == 0)
        *deadline = deadline_in(atomic_load(&h->timeout));
    struct channel *channel = handle_take_channel(h->own, *deadline);
    if (channel != NULL) {
        status = ask_through(h, channel, q, claims, *deadline);
        lock_release(&channel->lock);
    }
    api_guard_end(guard);
    return status;
}

enum jeton_status jeton_verify(struct jeton *h, const void *value, size_t length,
                               const char *scopes, const char *subject, struct jeton_claims *claims)
{
    enum jeton_status status;
    int64_t deadline = 0;
    struct question q;

    if (!query_read(&q, value, length, scopes, subject, claims))
        return JETON_INVALID;
    return handle_ask_table(h, &q, claims, &status) ? status : ask_daemon(h, &q, claims, &deadline);
}

/* At most TABLE_VIEW_BATCH. */
static size_t verify_some(struct jeton *h, struct jeton_check *question, size_t count,
                          int64_t *deadline)
{
    struct table_view_asked asked[TABLE_VIEW_BATCH];
    struct jeton_check *asker[TABLE_VIEW_BATCH];
    size_t valid = 0, passed = 0;

    for (struct jeton_check *q = question; q < question + count; q++) {
        struct table_view_asked *a = &asked[valid];
        q->status = JETON_INVALID;
        if (!query_read(&a->question, q->value, q->length, q->scopes, q->subject, q->claims))
            continue;
        a->claims = q->claims;
        asker[valid++] = q;
    }
    handle_ask_table_all(h, asked, valid);
    for (size_t i = 0; i < valid; i++) {
        const struct table_view_asked *a = &asked[i];
        asker[i]->status = a->good ? status_text_public(a->verdict.status) :
                                     ask_daemon(h, &a->question, a->claims, deadline);
        passed += asker[i]->status == JETON_OK;
    }
    return passed;
}

size_t jeton_verify_batch(struct jeton *h, struct jeton_check *question, size_t count)
{
    size_t passed = 0, together;
    int64_t deadline = 0;

    for (size_t done = 0; done < count; done += together) {
        together = count - done < TABLE_VIEW_BATCH ? count - done : TABLE_VIEW_BATCH;
        passed += verify_some(h, question + done, together, &deadline);
    }
    return passed;
}

enum jeton_source jeton_source(const struct jeton_claims *claims)
{
    return (enum jeton_source)claims->source;
}

/* -- opening and closing ----------------------------------------------------------------------- */

static int read_names(struct jeton *h, const char *path, const char *service)
{
    if (path == NULL)
        path = JETON_SOCKET;
    if (path[0] != '/')
        return -EINVAL;
    if (strlen(path) >= sizeof(h->path))
        return -ENAMETOOLONG;
    memcpy(h->path, path, strlen(path) + 1);
    if (service == NULL)
        return 0;
    if (service[0] == '\0' || strlen(service) > SERVICE_MAX || strchr(service, ',') != NULL ||
        scopes_fault(slice_of(service)) != NULL)
        return -EINVAL;
    memcpy(h->service, service, strlen(service) + 1);
    return 0;
}

/* Only what the administrator must put right is an error; the daemon may come later. */
static int greet(struct jeton *h)
{
    struct api_guard guard = api_guard_begin();
    struct channel *channel = &h->own->channel[0];
    int64_t deadline = deadline_in(TIMEOUT);
    int error = handle_open_channel(h, channel, deadline);

    if (error == 0 && handle_fetch_table(channel, deadline))
        handle_wait(&channel->link, deadline);
    api_guard_end(guard);
    return error == -EPERM || error == -ELOOP || error == -EACCES ? error : 0;
}

int jeton_open(struct jeton **handle, const char *socket_path, const char *service,
               unsigned int flags)
{
    struct jeton *h = calloc(1, sizeof(*h));
    int error = h == NULL ? -ENOMEM : sodium_init() < 0 ? -ENOSYS : 0;

    *handle = NULL;
    if (error == 0 && (flags & ~(JETON_NO_TABLE | JETON_NO_REPORTS)) != 0)
        error = -EINVAL;
    if (error == 0)
        error = read_names(h, socket_path, service);
    if (error == 0) {
        h->flags = flags;
        atomic_store(&h->timeout, TIMEOUT);
        void *at = mmap(NULL, sizeof(*h->own), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
        h->own = at != MAP_FAILED ? at : NULL;
        if (at == MAP_FAILED || madvise(at, sizeof(*h->own), MADV_WIPEONFORK) < 0)
            error = -errno;
    }
    if (error == 0)
        error = greet(h);
    if (error == 0)
        *handle = h;
    else
        jeton_close(h);
    return error;
}

void jeton_close(struct jeton *h)
{
    if (h == NULL)
        return;
    struct api_guard guard = api_guard_begin();
    if (h->own != NULL) {
        for (size_t i = 0; i < HANDLE_WAITING_MAX; i++)
            h->own->query[i].done = NULL;
        if (!(h->flags & (JETON_NO_REPORTS | JETON_NO_TABLE)) &&
            connection_connected(&h->own->channel[0].link))
            handle_send_uses(h, &h->own->channel[0]);
        for (size_t i = 0; i <= HANDLE_CHANNELS; i++) {
            connection_drop(&h->own->channel[i].link);
            connection_release(&h->mark[i]);
        }
        munmap(h->own, sizeof(*h->own));
    }
    table_views_free(&h->views);
    free(h);
    api_guard_end(guard);
}

int jeton_set_timeout(struct jeton *h, unsigned int milliseconds)
{
    if (milliseconds == 0 || milliseconds > TIMEOUT_MAX)
        return -EINVAL;
    atomic_store(&h->timeout, milliseconds);
    return 0;
}
