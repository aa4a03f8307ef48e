/* SPDX-License-Identifier: Apache-2.0 */
/* NEWEST and HORIZON tell whether there can be a common place.  Then pages of this host's places come from jetond,
 * newest first, until the oldest of one is common; within that page, the newest one is found by bisection. */
#include "plugin/fleet/rewind.h"

#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/bisection.h"
#include "plugin/fleet/value.h"

enum { PAGE = 1000 };

struct rewind {
    uint64_t round;   /* of the context, when this began */
    uint64_t horizon; /* the oldest serial that the database has */
    size_t count;
    struct fleet_place place[PAGE]; /* newest first */
    bool found;                     /* the oldest of them is common */
    struct bisection bisection;
};

static void ask_places(struct context *c, uint64_t after);
static void ask_database(struct context *c, const struct fleet_place *place);

static bool is_stale(const struct context *c)
{
    return c->mode != MODE_REWIND || c->round != c->rewind->round;
}

static void give_up(struct context *c, const char *why)
{
    log_write(LOG_WARNING, "change %llu, which this host has, %s: all is fetched anew",
              (unsigned long long)c->place.serial, why);
    c->go(c, MODE_SNAPSHOT);
}

/* -- the end ------------------------------------------------------------------------------------ */

static void on_rewound(void *context, const struct reply *reply)
{
    struct context *c = context;
    struct fleet_place place;

    if (reply == NULL || !reply->final || is_stale(c))
        return;
    const struct slice text = line_get(&reply->line, "place");
    if (reply->kind == ANSWER_OK && text.at != NULL && fleet_place_parse(text, &place)) {
        log_write(
            LOG_WARNING,
            "the database has lost its changes behind %llu, of which this host had some up to "
            "%llu: it goes on from there",
            (unsigned long long)place.serial, (unsigned long long)c->place.serial);
        c->place = place;
        c->rewinds++;
        c->go(c, MODE_FOLLOW);
    } else {
        context_stuck(c, "jetond does not rewind: %.*s", (int)reply->word.len,
                      reply->word.at != NULL ? reply->word.at : "");
    }
}

static void rewind_to(struct context *c, const struct fleet_place *place)
{
    char line[32 + FLEET_PLACE_TEXT];
    struct text t = text_in(line, sizeof(line));

    if (fleet_place_equal(place, &c->place)) {
        context_stuck(c, "the database has change %llu, and its feed has not",
                      (unsigned long long)place->serial);
        return;
    }
    text_adds(&t, "fleet rewind place=");
    fleet_place_put(&t, place);
    text_addc(&t, '\n');
    link_send(c->link, text_slice(&t), 1, on_rewound, c);
}

/* -- places of the database --------------------------------------------------------------------- */

static void go_on(struct context *c, bool common)
{
    struct rewind *r = c->rewind;
    const struct fleet_place oldest = r->place[r->count - 1];

    if (r->found) {
        bisection_take(&r->bisection, common);
    } else if (common) {
        r->found = true;
        r->bisection = bisection_begin(r->count);
    } else if (r->count == PAGE && oldest.serial > r->horizon) {
        ask_places(c, oldest.serial);
        return;
    } else {
        give_up(c, "is of another database, or of before its horizon");
        return;
    }
    if (bisection_is_over(&r->bisection))
        rewind_to(c, &r->place[r->bisection.common]);
    else
        ask_database(c, &r->place[bisection_next(&r->bisection)]);
}

static void on_there(void *context, const struct database_answer *answer)
{
    struct context *c = context;
    struct rewind *r = c->rewind;
    struct fleet_place there;

    if (answer->lost || is_stale(c))
        return;
    if (!answer->ok) {
        context_stuck(c, "the database's places cannot be read: %s", answer->message);
        return;
    }
    const struct fleet_place *asked = r->found ? &r->place[bisection_next(&r->bisection)] :
                                                 &r->place[r->count - 1];
    const PGresult *row = answer->result[0];
    go_on(c, PQntuples(row) == 1 && PQnfields(row) == 2 &&
                 place_of_row(value_column(row, 0, 0), value_column(row, 0, 1), &there) &&
                 fleet_place_equal(&there, asked));
}

static void ask_database(struct context *c, const struct fleet_place *place)
{
    char serial[24];
    const char *parameters[] = { serial };

    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)place->serial);
    database_ask(c->database, QUERY_PLACE, parameters, on_there, c);
}

/* -- places of this host ------------------------------------------------------------------------ */

static bool take_place(struct rewind *r, const struct reply *reply, uint64_t before)
{
    struct fleet_place place;
    const struct slice text = line_get(&reply->line, "place");

    if (r->count == PAGE || text.at == NULL || !fleet_place_parse(text, &place) ||
        place.serial == 0 || place.serial >= before)
        return false;
    r->place[r->count++] = place;
    return true;
}

static void on_places(void *context, const struct reply *reply)
{
    struct context *c = context;
    struct rewind *r = c->rewind;

    if (reply == NULL || is_stale(c))
        return;
    if (!reply->final) {
        if (!take_place(r, reply, r->count > 0 ? r->place[r->count - 1].serial : UINT64_MAX))
            link_drop(c->link, "it tells its places in a way that was not asked for");
    } else if (reply->kind != ANSWER_OK || r->count == 0) {
        give_up(c, "is not in the database's history");
    } else {
        ask_database(c, &r->place[r->count - 1]);
    }
}

static void ask_places(struct context *c, uint64_t after)
{
    char line[64];
    struct text t = text_in(line, sizeof(line));

    c->rewind->count = 0;
    text_adds(&t, "fleet places");
    if (after > 0)
        line_put_u64(&t, "after", after);
    line_put_u64(&t, "limit", PAGE);
    text_addc(&t, '\n');
    link_send(c->link, text_slice(&t), 1, on_places, c);
}

/* -- the beginning ------------------------------------------------------------------------------- */

static void take_bounds(struct context *c, const PGresult *newest, const PGresult *horizon)
{
    struct rewind *r = c->rewind;

    if (PQntuples(newest) == 0) {
        context_stuck(c,
                      "the database is empty, and this host has changes up to %llu: it is another "
                      "database, or one that is still to be restored; nothing is dropped until it "
                      "has a change",
                      (unsigned long long)c->place.serial);
    } else if (PQntuples(horizon) != 1 || PQnfields(horizon) != 1 ||
               !number_parse(value_column(horizon, 0, 0), INT64_MAX, &r->horizon)) {
        context_stuck(c, "the database does not tell its horizon");
    } else if (c->place.serial < r->horizon) {
        give_up(c, "was trimmed from the database");
    } else {
        ask_places(c, 0);
    }
}

static void on_bounds(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    if (answer->lost || is_stale(c))
        return;
    if (answer->ok)
        take_bounds(c, answer->result[0], answer->result[1]);
    else
        context_stuck(c, "the database's horizon cannot be read: %s", answer->message);
}

void rewind_begin(struct context *c)
{
    c->rewind->round = c->round;
    c->rewind->found = false;
    if (database_add(c->database, QUERY_NEWEST, NULL) &&
        database_add(c->database, QUERY_HORIZON, NULL))
        database_sync(c->database, on_bounds, c);
}

bool rewind_open(struct context *c)
{
    c->rewind = calloc(1, sizeof(*c->rewind));
    return c->rewind != NULL;
}

void rewind_close(struct context *c)
{
    free(c->rewind);
}
