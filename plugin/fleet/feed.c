/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/feed.h"

#include "plugin/fleet/batch.h"
#include "plugin/fleet/page.h"
#include "plugin/service/monotonic.h"

enum {
    BATCHES_MAX = 2, /* that jetond has not answered: one is fetched while one is saved */
    /* Anybody may notify: after so many pages of a second had nothing new, the next one waits. */
    IDLE_MOST = 50,
    IDLE_MS = 50,
};

static void ask(struct context *c);

/* -- batches ------------------------------------------------------------------------------------ */

/* Whatever has become of the mode meanwhile: jetond has it, or has it perhaps. */
static void on_saved(struct context *c, enum batch_outcome outcome, const struct fleet_place *place,
                     uint64_t unused)
{
    (void)unused;
    c->feed.batches--;
    if (outcome == BATCH_LOST) {
        lease_before_add(&c->before, place);
    } else if (outcome == BATCH_SAVED) {
        c->place = *place;
        c->reached(c);
        ask(c);
    } else if (c->mode == MODE_FOLLOW) {
        context_stuck(c, "jetond does not take the changes behind %llu: its log says why",
                      (unsigned long long)c->place.serial);
    }
}

static bool send_batch(struct context *c, struct batch *b, const struct fleet_place *to)
{
    c->figures.changes += batch_count(b);
    if (!batch_send(b, to, false, on_saved, 0))
        return false; /* the connection has ended, or is about to */
    c->feed.batches++;
    c->feed.fetched = *to;
    return true;
}

/* Return why what is behind the change before must come as a snapshot; NULL: it need not.  Serials have no gaps: where
 * one is, changes were lost, and perhaps a denial among them. */
static const char *breaks_off(const struct page_row *row, const struct fleet_place *before)
{
    if (row->change.digest.at == NULL && row->change.claims.at != NULL)
        return "this host's groups have changed";
    return row->place.serial > before->serial + 1 ? "the database lacks changes in between" : NULL;
}

/* Add a row to the batch, which is sent before if there is no space for it.  False: *why says why not; NULL: jetond is
 * not connected, or there is no memory. */
static bool add_row(struct context *c, struct batch **b, const struct fleet_place *before,
                    const struct page_row *row, const char **why)
{
    *why = NULL;
    if (*b != NULL && batch_is_full_for(*b, &row->change)) {
        struct batch *full = *b;
        *b = NULL;
        if (!send_batch(c, full, before))
            return false;
    }
    if (*b == NULL && (*b = batch_new(c, before, BATCH_CHANGES, 0)) == NULL)
        return false;
    return batch_add(*b, &row->change, why);
}

/* Make batches of the rows behind the first.  False: it goes on in another mode, or jetond is not connected. */
static bool hand_on(struct context *c, const PGresult *r)
{
    struct fleet_place before = c->feed.fetched;
    struct batch *b = NULL;

    for (int i = 1; i < PQntuples(r); i++) {
        struct page_row row;
        const char *why = "its place is none, or goes back", *anew = NULL;
        bool read = page_read(r, i, &row) && row.place.serial > before.serial;
        if (read && (anew = breaks_off(&row, &before)) != NULL) {
            batch_free(b);
            log_write(LOG_WARNING, "after change %llu %s: all is fetched anew",
                      (unsigned long long)before.serial, anew);
            c->go(c, MODE_SNAPSHOT);
            return false;
        }
        if (!read || !add_row(c, &b, &before, &row, &why)) {
            batch_free(b);
            if (why != NULL)
                context_stuck(c, "the database's change behind %llu cannot be understood: %s",
                              (unsigned long long)before.serial, why);
            return false;
        }
        before = row.place;
    }
    return b == NULL || send_batch(c, b, &before);
}

/* -- pages -------------------------------------------------------------------------------------- */

static bool begins_at(const PGresult *r, const struct fleet_place *place)
{
    struct page_row first;

    return PQntuples(r) > 0 && page_read(r, 0, &first) && fleet_place_equal(&first.place, place);
}

/* Count pages that had nothing new, for each second anew. */
static void count_idle(struct context *c)
{
    const int64_t second = monotonic_ms() / 1000;

    c->feed.idle = c->feed.idle_second == second ? c->feed.idle + 1 : 1;
    c->feed.idle_second = second;
}

static void take_page(struct context *c, const PGresult *r)
{
    if (!page_is_answer(r, c->feed.rows)) {
        context_stuck(c, "the database answers the feed with what was not asked");
        return;
    }
    if (!begins_at(r, &c->feed.fetched)) {
        c->go(c, MODE_REWIND);
        return;
    }
    if (PQntuples(r) == 1)
        count_idle(c);
    const bool first = !c->verified;
    c->verified = true;
    c->feed.behind = page_is_full(r, c->feed.rows);
    c->feed.wanted |= c->feed.behind;
    if (!hand_on(c, r))
        return;
    if (first)
        c->reached(c);
    ask(c);
}

static void on_page(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    c->feed.asked = false;
    c->feed.took = monotonic_ns() - c->feed.asked_at;
    if (answer->lost || c->mode != MODE_FOLLOW)
        return;
    if (c->feed.asked_round != c->round)
        ask(c);
    else if (answer->ok)
        take_page(c, answer->result[0]);
    else
        context_stuck(c, "the feed cannot be read: %s", answer->message);
}

/* A host that has nothing yet takes a snapshot, as soon as there is anything. */
static void ask(struct context *c)
{
    struct page_question q;

    if (c->mode != MODE_FOLLOW || !c->feed.wanted || c->feed.asked ||
        c->feed.batches >= BATCHES_MAX)
        return;
    if (c->place.serial == 0) {
        c->go(c, MODE_SNAPSHOT);
        return;
    }
    page_ask(&q, c->feed.fetched.serial, c->feed.behind ? CONTEXT_PAGE + 1 : 0);
    c->feed.rows = q.rows;
    c->feed.asked_at = monotonic_ns();
    c->feed.asked = database_ask(c->database, q.query, q.parameters, on_page, c);
    if (c->feed.asked) {
        c->feed.wanted = false;
        c->feed.asked_round = c->round;
    }
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    ask(context);
}

void feed_begin(struct context *c)
{
    if (c->feed.batches == 0) /* else it goes on behind those that are under way */
        c->feed.fetched = c->place;
    c->feed.behind = false;
    c->feed.wanted = true;
    if (c->feed.later == NULL)
        c->feed.later = event_new(c->base, -1, 0, on_later, c);
    if (c->place.serial == 0 && c->empty) {
        c->feed.wanted = false;
        c->verified = true;
        c->reached(c);
    }
    ask(c);
}

void feed_wake(struct context *c)
{
    const struct timeval later = { 0, IDLE_MS * 1000 };

    c->feed.wanted = true;
    if (c->feed.later != NULL && c->feed.idle > IDLE_MOST &&
        c->feed.idle_second == monotonic_ms() / 1000)
        event_add(c->feed.later, &later);
    else
        ask(c);
}
