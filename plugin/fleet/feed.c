/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/feed.h"

#include <stdio.h>

#include "plugin/fleet/batch.h"
#include "plugin/service/monotonic.h"

enum {
    BATCHES_MAX = 2, /* that jetond has not answered: one is fetched while one is saved */
    /* Anybody may notify: after so many pages of a second had nothing new, the next one waits. */
    IDLE_MOST = 50,
    IDLE_MS = 50,
};

static void ask(struct context *c);

static bool is_stale(const struct context *c, uint64_t round)
{
    return c->mode != MODE_FOLLOW || c->round != round;
}

/* -- batches ------------------------------------------------------------------------------------ */

static void on_saved(struct context *c, enum batch_outcome outcome, const struct fleet_place *place,
                     uint64_t round)
{
    if (is_stale(c, round))
        return;
    c->feed.batches--;
    if (outcome == BATCH_REFUSED) {
        context_stuck(c, "jetond does not take the changes behind %llu: its log says why",
                      (unsigned long long)c->place.serial);
    } else if (outcome == BATCH_SAVED) {
        c->place = *place;
        c->reached(c);
        ask(c);
    }
}

static bool send_batch(struct context *c, struct batch *b, const struct fleet_place *to)
{
    c->figures.changes += batch_count(b);
    if (!batch_send(b, to, false, on_saved, c->round))
        return false; /* the connection has ended, or is about to */
    c->feed.batches++;
    c->feed.fetched = *to;
    return true;
}

/* Read (serial, nonce) of a row; it must come later than the one before. */
static bool read_place(const PGresult *r, int row, const struct fleet_place *before,
                       struct fleet_place *place)
{
    return place_of_row(context_column(r, row, 0), context_column(r, row, 1), place) &&
           place->serial > before->serial;
}

/* Return why what is behind the change before must come as a snapshot; NULL: it need not.  Serials have no gaps: where
 * one is, changes were lost, and perhaps a denial among them. */
static const char *breaks_off(const struct change_row *row, const struct fleet_place *before,
                              const struct fleet_place *at)
{
    if (row->digest.at == NULL && row->claims.at != NULL)
        return "this host's groups have changed";
    return at->serial > before->serial + 1 ? "the database lacks changes in between" : NULL;
}

/* Make batches of the rows behind the first.  False: it goes on in another mode. */
static bool hand_on(struct context *c, const PGresult *r)
{
    struct fleet_place at = c->feed.fetched;
    const int rows = PQntuples(r);
    struct batch *b = NULL;
    const char *why = "its place is none, or goes back";

    for (int i = 1; i < rows; i++) {
        const struct change_row row = { context_column(r, i, 2), context_column(r, i, 3),
                                        context_column(r, i, 4), false };
        const struct fleet_place before = at;
        const char *anew = NULL;
        const bool read = row.event.len > 0 && read_place(r, i, &before, &at);
        if (read && (anew = breaks_off(&row, &before, &at)) != NULL) {
            batch_free(b);
            log_write(LOG_WARNING, "behind change %llu %s: all is fetched anew",
                      (unsigned long long)before.serial, anew);
            c->go(c, MODE_SNAPSHOT);
            return false;
        }
        if (b == NULL && (b = batch_new(c, &before, BATCH_CHANGES)) == NULL)
            return false;
        if (!read || !batch_add(b, &row, &why)) {
            batch_free(b);
            context_stuck(c, "the database's change behind %llu cannot be understood: %s",
                          (unsigned long long)before.serial, why);
            return false;
        }
        if (batch_is_full(b) || i == rows - 1) {
            if (!send_batch(c, b, &at))
                return false;
            b = NULL;
        }
    }
    return true;
}

/* -- pages -------------------------------------------------------------------------------------- */

static bool begins_at(const PGresult *r, const struct fleet_place *place)
{
    struct fleet_place first;

    return PQntuples(r) > 0 &&
           place_of_row(context_column(r, 0, 0), context_column(r, 0, 1), &first) &&
           fleet_place_equal(&first, place);
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
    const int rows = PQntuples(r);

    if (PQnfields(r) != 5 || rows > CONTEXT_PAGE + 1) {
        context_stuck(c, "the database answers the feed with what was not asked");
        return;
    }
    if (!begins_at(r, &c->feed.fetched)) {
        c->go(c, MODE_REWIND);
        return;
    }
    if (rows == 1)
        count_idle(c);
    const bool first = !c->verified;
    c->verified = true;
    c->feed.wanted |= rows == CONTEXT_PAGE + 1;
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
    char serial[24], limit[12];
    const char *parameters[] = { serial, limit };

    if (c->mode != MODE_FOLLOW || !c->feed.wanted || c->feed.asked ||
        c->feed.batches >= BATCHES_MAX)
        return;
    if (c->place.serial == 0) {
        c->go(c, MODE_SNAPSHOT);
        return;
    }
    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)c->feed.fetched.serial);
    snprintf(limit, sizeof(limit), "%d", CONTEXT_PAGE + 1);
    c->feed.asked = database_ask(c->database, QUERY_FEED, parameters, on_page, c);
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
    c->feed.fetched = c->place;
    c->feed.batches = 0;
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
