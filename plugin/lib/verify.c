/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions that may block: they look into the table first, and ask the daemon where the
 * table cannot answer.
 *
 *     arguments ──▶ table ──▶ verdict                          no system call, no lock
 *                     │ no table, not valid any more, a torn slot, a miss that is not final
 *                     ▼
 *                   channel ──▶ fetch the table if it is due ──▶ table ──▶ verdict
 *                     │
 *                     ▼
 *                   verify over the socket ──▶ reply ──▶ verdict */
#include "plugin/lib/jeton.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "plugin/lib/api_guard.h"
#include "plugin/lib/handle.h"
#include "plugin/lib/status_text.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum {
    TIMEOUT_DEFAULT = 1000, /* milliseconds */
    TIMEOUT_MAX = 600000,
};

_Static_assert(sizeof(((struct jeton_claims *)NULL)->subject) > SUBJECT_MAX &&
                   sizeof(((struct jeton_claims *)NULL)->scopes) > SCOPES_TEXT_MAX &&
                   JETON_NEVER == TIME_NEVER,
               "claims can hold whatever a table contains");

/* -- verifying -------------------------------------------------------------------------------- */

/* Ask over a channel whose lock is held.  Try twice: the connection may turn out to be that of a
 * daemon that has died. */
static enum jeton_status ask_on_channel(struct jeton *h, struct channel *channel,
                                        const struct question *q, struct jeton_claims *claims,
                                        int64_t deadline)
{
    struct query query = { .status = JETON_UNAVAILABLE, .claims = claims };
    enum jeton_status status;

    token_digest(q->value, query.digest);
    for (int i = 0; i < 2 && !query.received; i++) {
        if (!connection_is_open(&channel->connection) &&
            handle_open_channel(h, channel, deadline) < 0)
            break;
        if (handle_fetch_table(channel, deadline)) {
            handle_wait(&channel->connection, deadline);
            if (handle_lookup(h, q, claims, &status))
                return status;
        }
        if (connection_is_open(&channel->connection) &&
            query_send(&query, &channel->connection, h->service, q, deadline))
            handle_wait(&channel->connection, deadline);
    }
    return query.status;
}

/* Ask the daemon.  The first question of a batch sets the deadline that all of them share. */
static enum jeton_status ask_daemon(struct jeton *h, const struct question *q,
                                    struct jeton_claims *claims, int64_t *deadline)
{
    struct api_guard guard = api_guard_begin();
    enum jeton_status status = JETON_UNAVAILABLE;

    if (*deadline == 0)
        *deadline = deadline_in(atomic_load(&h->timeout));
    struct channel *channel = handle_lock_channel(h->process, *deadline);
    if (channel != NULL) {
        status = ask_on_channel(h, channel, q, claims, *deadline);
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
    return handle_lookup(h, &q, claims, &status) ? status : ask_daemon(h, &q, claims, &deadline);
}

/* Look at most TABLE_VIEW_BATCH_MAX tokens up; return how many passed.  Set a bit in *unanswered for
 * each that the daemon must be asked about.  Not inlined: what it has on the stack is free again when
 * the daemon is asked. */
static __attribute__((noinline)) size_t look_up_chunk(struct jeton *h, struct jeton_check *checks,
                                                      size_t count, uint32_t *unanswered)
{
    struct table_view_batch_item items[TABLE_VIEW_BATCH_MAX];
    struct jeton_check *check_of[TABLE_VIEW_BATCH_MAX];
    size_t valid = 0, passed = 0;

    _Static_assert(TABLE_VIEW_BATCH_MAX <= 32, "a bit for each");
    for (struct jeton_check *c = checks; c < checks + count; c++) {
        struct table_view_batch_item *item = &items[valid];
        c->status = JETON_INVALID;
        if (!query_read(&item->question, c->value, c->length, c->scopes, c->subject, c->claims))
            continue;
        item->claims = c->claims;
        check_of[valid++] = c;
    }
    handle_lookup_batch(h, items, valid);
    for (size_t i = 0; i < valid; i++) {
        if (items[i].answered)
            check_of[i]->status = status_text_public(items[i].verdict.status);
        else
            *unanswered |= UINT32_C(1) << (check_of[i] - checks);
        passed += check_of[i]->status == JETON_OK;
    }
    return passed;
}

/* Verify at most TABLE_VIEW_BATCH_MAX tokens; return how many passed. */
static size_t verify_chunk(struct jeton *h, struct jeton_check *checks, size_t count,
                           int64_t *deadline)
{
    uint32_t unanswered = 0;
    size_t passed = look_up_chunk(h, checks, count, &unanswered);
    struct question q;

    for (size_t i = 0; i < count && unanswered >> i != 0; i++) {
        struct jeton_check *c = &checks[i];
        if ((unanswered >> i & 1) == 0 ||
            !query_read(&q, c->value, c->length, c->scopes, c->subject, c->claims))
            continue;
        c->status = ask_daemon(h, &q, c->claims, deadline);
        passed += c->status == JETON_OK;
    }
    return passed;
}

size_t jeton_verify_batch(struct jeton *h, struct jeton_check *checks, size_t count)
{
    size_t passed = 0, chunk;
    int64_t deadline = 0;

    for (size_t done = 0; done < count; done += chunk) {
        chunk = count - done < TABLE_VIEW_BATCH_MAX ? count - done : TABLE_VIEW_BATCH_MAX;
        passed += verify_chunk(h, checks + done, chunk, &deadline);
    }
    return passed;
}

enum jeton_source jeton_source(const struct jeton_claims *claims)
{
    return (enum jeton_source)claims->source;
}

/* -- opening and closing ---------------------------------------------------------------------- */

/* Copy the socket's path and the service's name; 0 or -errno. */
static int set_names(struct jeton *h, const char *path, const char *service)
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

/* Connect and fetch the table for the first time.  Only what an administrator must correct is an
 * error: a daemon that does not run may be started later. */
static int connect_first(struct jeton *h)
{
    struct api_guard guard = api_guard_begin();
    const bool wait = !(h->flags & JETON_NO_WAIT);
    struct channel *channel = &h->process->channel[wait ? 0 : HANDLE_CHANNELS];
    int64_t deadline = deadline_in(TIMEOUT_DEFAULT);
    int error = handle_open_channel(h, channel, wait ? deadline : 0);

    if (error == 0 && handle_fetch_table(channel, deadline)) {
        if (wait)
            handle_wait(&channel->connection, deadline);
        else
            connection_send(&channel->connection);
    }
    api_guard_end(guard);
    return error == -EPERM || error == -ELOOP || error == -EACCES ? error : 0;
}

int jeton_open(struct jeton **handle, const char *socket_path, const char *service,
               unsigned int flags)
{
    struct jeton *h = calloc(1, sizeof(*h));
    int error = h == NULL ? -ENOMEM : sodium_init() < 0 ? -ENOSYS : 0;

    *handle = NULL;
    if (error == 0 && (flags & ~(JETON_NO_TABLE | JETON_NO_REPORTS | JETON_NO_WAIT)) != 0)
        error = -EINVAL;
    if (error == 0)
        error = set_names(h, socket_path, service);
    if (error == 0) {
        h->flags = flags;
        atomic_store(&h->timeout, TIMEOUT_DEFAULT);
        void *at = mmap(NULL, sizeof(*h->process), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        h->process = at != MAP_FAILED ? at : NULL;
        if (at == MAP_FAILED || madvise(at, sizeof(*h->process), MADV_WIPEONFORK) < 0)
            error = -errno;
    }
    if (error == 0)
        error = connect_first(h);
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
    if (h->process != NULL) {
        for (size_t i = 0; i < HANDLE_QUERIES_MAX; i++)
            h->process->query[i].done = NULL;
        if (!(h->flags & (JETON_NO_REPORTS | JETON_NO_TABLE)) &&
            connection_is_open(&h->process->channel[0].connection))
            handle_report_uses(h, &h->process->channel[0]);
        for (size_t i = 0; i <= HANDLE_CHANNELS; i++) {
            connection_close(&h->process->channel[i].connection);
            fd_identity_close(&h->identity[i]);
        }
        munmap(h->process, sizeof(*h->process));
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
