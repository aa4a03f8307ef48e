/* SPDX-License-Identifier: Apache-2.0 */
/* The table is asked for by one thread at a time, whoever moves table_at on; the others go on by
 * socket.  While it is not had, it is asked for once a second and once for each new connection.
 *
 * Uses are reported when a verification notices that report_at has passed, about once a minute:
 * that one sends what there is through a channel that happens to be free, without waiting. */
#include "plugin/lib/handle.h"

#include <sched.h>

#include "plugin/lib/status_text.h"
#include "proto/scopes.h"

enum {
    FETCH_EVERY = 1000, /* milliseconds */
    REPORT_EVERY = 60,  /* seconds */
    REPORT_MAX = 128,   /* ids at a time; if there are more, the next go a second later */
};

static void report(struct jeton *h, int64_t now);

/* -- the table --------------------------------------------------------------------------------- */

/* Also if it lies further ahead than it is ever put: the clock was set back. */
static bool report_is_due(struct own *own, int64_t now)
{
    int64_t at = atomic_load_explicit(&own->report_at, memory_order_relaxed);

    return at <= now || at > now + REPORT_EVERY;
}

bool handle_ask_table(struct jeton *h, const struct question *q, struct jeton_claims *claims,
                      enum jeton_status *status)
{
    struct own *own = h->own;
    struct verdict v;
    int64_t now;

    if (!table_view_ask(&h->views, &own->gate, &own->uses, q, &v, &now, claims))
        return false;
    *status = status_text_public(v.status);
    if (v.status == STATUS_OK && !(h->flags & JETON_NO_REPORTS) && report_is_due(own, now))
        report(h, now);
    return true;
}

void handle_ask_table_all(struct jeton *h, struct table_view_asked *asked, size_t count)
{
    struct own *own = h->own;
    bool passed = false;
    int64_t now = 0;

    table_view_ask_all(&h->views, &own->gate, &own->uses, asked, count, &now);
    for (size_t i = 0; i < count; i++)
        passed = passed || (asked[i].good && asked[i].verdict.status == STATUS_OK);
    if (passed && !(h->flags & JETON_NO_REPORTS) && report_is_due(own, now))
        report(h, now);
}

/* -- channels ------------------------------------------------------------------------------------- */

/* Whoever is there now has not been asked for the table yet. */
int handle_open_channel(struct jeton *h, struct channel *channel, int64_t deadline)
{
    int error = connection_open(&channel->link, &h->mark[channel - h->own->channel], h->path,
                                deadline);

    channel->handle = h;
    if (error == 0)
        atomic_store(&h->own->table_at, 0);
    return error;
}

struct channel *handle_take_channel(struct own *own, int64_t deadline)
{
    struct channel *channel = own->channel;

    for (; channel < own->channel + HANDLE_CHANNELS; channel++)
        if (lock_try(&channel->lock))
            return channel;
    channel = &own->channel[(unsigned)sched_getcpu() % HANDLE_CHANNELS];
    return lock_take(&channel->lock, deadline) ? channel : NULL;
}

void handle_wait(struct connection *l, int64_t deadline)
{
    while (l->count > 0 && connection_step(l) == 0 && l->count > 0)
        if (!connection_wait(l, deadline))
            connection_drop(l);
}

/* What the table may be used for.  False: for nothing, or for what this version does not know. */
static bool read_terms(const struct line *line, struct table_view_terms *terms)
{
    struct slice final = line_get(line, "final"), scopes = line_get(line, "scope");
    bool conditional = final.at != NULL && slice_is(final, "if");
    struct text set = text_in(terms->scopes, sizeof(terms->scopes));

    if (final.at == NULL)
        return false;
    terms->final = conditional || slice_is(final, "yes");
    terms->scopes_len = 0;
    if (!conditional)
        return terms->final || slice_is(final, "no");
    if (scopes.len == 0 || scopes_normalise(scopes, &set) != NULL)
        return false;
    terms->scopes_len = set.len;
    return true;
}

static void on_table(void *context, struct connection_reply *reply)
{
    struct channel *channel = context;
    struct jeton *h = channel->handle;
    struct own *own = h->own;
    struct table_view *view = NULL;
    struct table_view_terms terms;
    uint64_t size;

    if (!reply->received)
        return;
    channel->link.no_table = reply->status != STATUS_OK && !status_row(reply->status)->retry;
    if (reply->status == STATUS_OK && reply->fd >= 0 && read_terms(reply->line, &terms) &&
        number_parse(line_get(reply->line, "size"), INT64_MAX, &size))
        table_view_open(reply->fd, size, &terms, &view);
    lock_take(&own->replacing, CONNECTION_NO_DEADLINE);
    table_view_replace(&h->views, &own->gate, view);
    lock_release(&own->replacing);
    if (view != NULL && table_view_usable(&h->views, &own->gate))
        atomic_store(&own->table_at, 0);
}

bool handle_fetch_table(struct channel *channel, int64_t deadline)
{
    struct jeton *h = channel->handle;
    char room[SERVICE_MAX + 32];
    struct text line = text_in(room, sizeof(room));
    int64_t now = deadline_now(), at = atomic_load(&h->own->table_at);

    if ((h->flags & JETON_NO_TABLE) || channel->link.no_table || now < at ||
        now == DEADLINE_CLOCK_FAILED || table_view_usable(&h->views, &h->own->gate) ||
        !atomic_compare_exchange_strong(&h->own->table_at, &at, now + FETCH_EVERY))
        return false;
    text_adds(&line, "table");
    if (h->service[0] != '\0')
        line_puts(&line, "service", h->service);
    text_addc(&line, '\n');
    return connection_ask(&channel->link, text_slice(&line), true, on_table, channel, deadline);
}

/* -- reports of uses --------------------------------------------------------------------------- */

/* A daemon that does not want them says so once for each connection. */
static void on_used(void *context, struct connection_reply *reply)
{
    struct channel *channel = context;

    if (reply->received && reply->status != STATUS_OK && !status_row(reply->status)->retry)
        channel->link.no_used = true;
}

/* Half of what may be asked is left to those who wait for an answer. */
bool handle_send_uses(struct jeton *h, struct channel *channel)
{
    uint8_t id[REPORT_MAX][ID_SIZE];
    char line[] = "used 0123456789abcdef0123\n", *digits = line + sizeof("used");
    struct connection *l = &channel->link;

    if (!connection_connected(l) && handle_open_channel(h, channel, 0) < 0)
        return false;
    connection_step(l);
    if (l->mark == NULL || l->no_used || l->count > 0)
        return false;
    size_t count = table_view_take_uses(&h->own->uses, id, REPORT_MAX);
    for (size_t i = 0; i < count; i++) {
        claims_id(digits, id[i]);
        digits[ID_TEXT] = '\n';
        connection_ask(l, (struct slice){ line, sizeof(line) - 1 }, false, on_used, channel,
                       CONNECTION_NO_DEADLINE);
    }
    connection_step(l);
    return count == REPORT_MAX;
}

/* Whoever moves report_at on does the work.  Zero: the first use in this process. */
static void report(struct jeton *h, int64_t now)
{
    struct own *own = h->own;
    int64_t at = atomic_load(&own->report_at);

    if (!atomic_compare_exchange_strong(&own->report_at, &at, now + REPORT_EVERY) || at == 0)
        return;
    struct api_guard guard = api_guard_begin();
    bool more = !lock_try(&own->channel[0].lock);
    if (!more) {
        more = handle_send_uses(h, &own->channel[0]);
        lock_release(&own->channel[0].lock);
    }
    if (more)
        atomic_store(&own->report_at, now + 1);
    if (lock_try(&own->replacing)) {
        table_view_reap(&h->views, &own->gate);
        lock_release(&own->replacing);
    }
    api_guard_end(guard);
}
