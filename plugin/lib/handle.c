/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching the table.  The thread that advances next_fetch requests it; the others use the socket
 * meanwhile.  Without a table, it is requested once a second and once for each new connection.
 *
 * Reporting uses.  The thread that advances next_report, about once a minute, sends what has been
 * recorded over a channel that happens to be free, without waiting. */
#include "plugin/lib/handle.h"

#include <sched.h>

#include "plugin/lib/api_guard.h"
#include "plugin/lib/status_text.h"
#include "proto/scopes.h"

enum {
    FETCH_EVERY = 1000, /* milliseconds */
    REPORT_EVERY = 60,  /* seconds */
    REPORT_MAX = 128,   /* ids at a time; if there are more, the next a second later */
    REPORT_REFUSED_MAX = REPORT_MAX / 2, /* of those that were refused */
};

static void report_uses(struct jeton *h, int64_t now);

/* -- the table -------------------------------------------------------------------------------- */

/* True if uses are to be reported.  A time further ahead than is ever set shows that the clock was
 * set back: report then, too. */
static bool report_is_due(struct process_state *process, int64_t now)
{
    int64_t due = atomic_load_explicit(&process->next_report, memory_order_relaxed);

    return due <= now || due > now + REPORT_EVERY;
}

/* Note that a token was refused by its state; other refusals are the daemon's to count.  Not inlined,
 * so that what passes does not carry it. */
static __attribute__((noinline)) void note_refusal(struct jeton *h, const struct verdict *v,
                                                   int64_t now)
{
    bool by_state = v->status == STATUS_REVOKED || v->status == STATUS_EXPIRED ||
                    v->status == STATUS_DISABLED || v->status == STATUS_PENDING;

    if (!v->found || !by_state || (h->flags & JETON_NO_REPORTS))
        return;
    recent_uses_add(&h->process->recent_refusals, v->digest, (uint32_t)(now / 60));
    if (report_is_due(h->process, now))
        report_uses(h, now);
}

bool handle_lookup(struct jeton *h, const struct question *q, struct jeton_claims *claims,
                   enum jeton_status *status)
{
    struct process_state *process = h->process;
    struct verdict v;
    int64_t now;

    if (!table_view_lookup(&h->views, &process->readers, &process->recent_uses, q, &v, &now,
                           claims))
        return false;
    *status = status_text_public(v.status);
    if (v.status == STATUS_OK && !(h->flags & JETON_NO_REPORTS) && report_is_due(process, now))
        report_uses(h, now);
    else if (v.status != STATUS_OK)
        note_refusal(h, &v, now);
    return true;
}

void handle_lookup_batch(struct jeton *h, struct table_view_batch_item *items, size_t count)
{
    struct process_state *process = h->process;
    bool passed = false;
    int64_t now = 0;

    table_view_lookup_batch(&h->views, &process->readers, &process->recent_uses, items, count,
                            &now);
    for (size_t i = 0; i < count; i++) {
        passed = passed || (items[i].answered && items[i].verdict.status == STATUS_OK);
        if (items[i].answered && items[i].verdict.status != STATUS_OK)
            note_refusal(h, &items[i].verdict, now);
    }
    if (passed && !(h->flags & JETON_NO_REPORTS) && report_is_due(process, now))
        report_uses(h, now);
}

/* -- channels --------------------------------------------------------------------------------- */

/* Connect a channel, and request the table again at once: another daemon may serve the new
 * connection. */
int handle_open_channel(struct jeton *h, struct channel *channel, int64_t deadline)
{
    int error = connection_open(&channel->connection, &h->identity[channel - h->process->channel],
                                h->path, deadline);

    channel->handle = h;
    if (error == 0)
        atomic_store(&h->process->next_fetch, 0);
    return error;
}

struct channel *handle_lock_channel(struct process_state *process, int64_t deadline)
{
    struct channel *channel = process->channel;

    for (; channel < process->channel + HANDLE_CHANNELS; channel++)
        if (lock_try(&channel->lock))
            return channel;
    channel = &process->channel[(unsigned)sched_getcpu() % HANDLE_CHANNELS];
    return lock_take(&channel->lock, deadline) ? channel : NULL;
}

void handle_wait(struct connection *c, int64_t deadline)
{
    while (c->count > 0 && connection_step(c) == 0 && c->count > 0)
        if (!connection_wait(c, deadline))
            connection_close(c);
}

/* Read what the table may be used for; false if this version does not know it. */
static bool read_conditions(const struct line *line, struct table_view_conditions *conditions)
{
    struct slice final = line_get(line, "final"), scopes = line_get(line, "scope");
    bool conditional = final.at != NULL && slice_is(final, "if");
    struct text set = text_in(conditions->scopes, sizeof(conditions->scopes));

    if (final.at == NULL)
        return false;
    conditions->final = conditional || slice_is(final, "yes");
    conditions->scopes_len = 0;
    if (!conditional)
        return conditions->final || slice_is(final, "no");
    if (scopes.len == 0 || scopes_normalise(scopes, &set) != NULL)
        return false;
    conditions->scopes_len = set.len;
    return true;
}

static void on_table(void *context, struct connection_reply *reply)
{
    struct channel *channel = context;
    struct jeton *h = channel->handle;
    struct process_state *process = h->process;
    struct table_view *view = NULL;
    struct table_view_conditions conditions;
    uint64_t size;

    if (!reply->received)
        return;
    channel->connection.table_refused = reply->status != STATUS_OK &&
                                        !status_row(reply->status)->retry;
    if (reply->status == STATUS_OK && reply->fd >= 0 && read_conditions(reply->line, &conditions) &&
        number_parse(line_get(reply->line, "size"), INT64_MAX, &size))
        table_view_open(reply->fd, size, &conditions, &view);
    lock_take(&process->views_lock, DEADLINE_NEVER);
    table_view_replace(&h->views, &process->readers, view);
    lock_release(&process->views_lock);
    if (view != NULL && table_view_usable(&h->views, &process->readers))
        atomic_store(&process->next_fetch, 0);
}

bool handle_fetch_table(struct channel *channel, int64_t deadline)
{
    struct jeton *h = channel->handle;
    char buffer[SERVICE_MAX + 32];
    struct text line = text_in(buffer, sizeof(buffer));
    int64_t now = deadline_now(), due = atomic_load(&h->process->next_fetch);

    if ((h->flags & JETON_NO_TABLE) || channel->connection.table_refused || now < due ||
        now == DEADLINE_CLOCK_FAILED || table_view_usable(&h->views, &h->process->readers) ||
        !atomic_compare_exchange_strong(&h->process->next_fetch, &due, now + FETCH_EVERY))
        return false;
    text_adds(&line, "table");
    if (h->service[0] != '\0')
        line_puts(&line, "service", h->service);
    text_addc(&line, '\n');
    return connection_enqueue(&channel->connection, text_slice(&line), true, on_table, channel,
                              deadline);
}

/* -- reports of uses -------------------------------------------------------------------------- */

/* Stop reporting on this connection if the daemon refuses reports. */
static void on_used(void *context, struct connection_reply *reply)
{
    struct channel *channel = context;

    if (reply->received && reply->status != STATUS_OK && !status_row(reply->status)->retry)
        channel->connection.used_refused = true;
}

static void on_refused(void *context, struct connection_reply *reply)
{
    struct channel *channel = context;

    if (reply->received && reply->status != STATUS_OK && !status_row(reply->status)->retry)
        channel->connection.refusals_refused = true;
}

/* Report at most so many ids; return how many. */
static size_t report_ids(struct channel *channel, const char *verb, struct recent_uses *recent,
                         size_t max, connection_done *done)
{
    uint8_t id[REPORT_MAX][ID_SIZE];
    char buffer[32], digits[ID_TEXT + 1];
    size_t count = recent_uses_take(recent, id, max);

    for (size_t i = 0; i < count; i++) {
        struct text line = text_in(buffer, sizeof(buffer));
        claims_format_id(digits, id[i]);
        text_adds(&line, verb);
        text_add(&line, digits, ID_TEXT);
        text_addc(&line, '\n');
        connection_enqueue(&channel->connection, text_slice(&line), false, done, channel,
                           DEADLINE_NEVER);
    }
    return count;
}

/* Use only three quarters of the connection's ring, and leave the rest to requests that a caller
 * waits for. */
bool handle_report_uses(struct jeton *h, struct channel *channel)
{
    struct process_state *process = h->process;
    struct connection *c = &channel->connection;
    size_t refused = 0;

    if (!connection_is_open(c) && handle_open_channel(h, channel, 0) < 0)
        return false;
    connection_step(c);
    if (c->identity == NULL || c->used_refused || c->count > 0)
        return false;
    size_t used = report_ids(channel, "used ", &process->recent_uses, REPORT_MAX, on_used);
    if (!c->refusals_refused)
        refused = report_ids(channel, "refused ", &process->recent_refusals, REPORT_REFUSED_MAX,
                             on_refused);
    connection_step(c);
    return used == REPORT_MAX || refused == REPORT_REFUSED_MAX;
}

/* Report uses, unless another thread has just advanced next_report.  Zero there marks the first use
 * in this process, when there is nothing worth reporting yet. */
static void report_uses(struct jeton *h, int64_t now)
{
    struct process_state *process = h->process;
    int64_t due = atomic_load(&process->next_report);

    if (!atomic_compare_exchange_strong(&process->next_report, &due, now + REPORT_EVERY) ||
        due == 0)
        return;
    struct api_guard guard = api_guard_begin();
    bool more = !lock_try(&process->channel[0].lock);
    if (!more) {
        more = handle_report_uses(h, &process->channel[0]);
        lock_release(&process->channel[0].lock);
    }
    if (more)
        atomic_store(&process->next_report, now + 1);
    if (lock_try(&process->views_lock)) {
        table_view_reap(&h->views, &process->readers);
        lock_release(&process->views_lock);
    }
    api_guard_end(guard);
}
