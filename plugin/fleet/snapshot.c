/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/snapshot.h"

#include <stdlib.h>

#include "plugin/fleet/batch.h"
#include "plugin/fleet/beat.h"
#include "plugin/fleet/value.h"

/* Parts that jetond has not answered, of a MiB each at most: the database goes on while jetond is busy. */
enum { PARTS_MAX = 8 };

struct snapshot {
    uint64_t round;           /* of the context, when this began */
    struct fleet_place place; /* of the moment; serial 0: there are no changes */
    struct batch *part;       /* that is collected; NULL: none */
    unsigned parts;           /* that jetond has not answered */
    uint64_t tokens;          /* that the database has, of any group, roughly; 0: unknown */
    bool reads, failed;
    bool begun, whole; /* its first part is made; its last one is sent */
};

static bool is_stale(const struct context *c)
{
    return c->mode != MODE_SNAPSHOT || c->round != c->snapshot->round;
}

/* The whole of it is saved. */
static void finish(struct context *c)
{
    c->place = c->snapshot->place;
    c->figures.snapshots++;
    log_write(LOG_INFO, "a snapshot is taken, as of change %llu",
              (unsigned long long)c->place.serial);
    c->go(c, MODE_FOLLOW);
    beat_poll(c); /* nothing was polled meanwhile, and the lease waits for that */
}

/* -- jetond ------------------------------------------------------------------------------------- */

static void on_part(struct context *c, enum batch_outcome outcome, const struct fleet_place *place,
                    uint64_t round)
{
    struct snapshot *s = c->snapshot;

    (void)place;
    if (c->mode != MODE_SNAPSHOT || c->round != round)
        return;
    s->parts--;
    if (outcome == BATCH_REFUSED)
        context_stuck(c, "jetond does not take a snapshot: its log says why");
    else if (outcome == BATCH_SAVED && !s->reads && s->parts == 0)
        finish(c);
    else if (outcome == BATCH_SAVED)
        database_copy_resume(c->database);
}

static struct batch *new_part(struct context *c)
{
    static const struct fleet_place none;
    const enum batch_kind kind = c->snapshot->begun ? BATCH_SNAPSHOT_PART : BATCH_SNAPSHOT;

    c->snapshot->begun = true;
    /* What the database says is as of its last look at its table. */
    return batch_new(c, &none, kind, c->snapshot->tokens + c->snapshot->tokens / 8);
}

static bool send_part(struct context *c, bool more)
{
    struct snapshot *s = c->snapshot;
    struct batch *part = s->part != NULL ? s->part : new_part(c);

    s->part = NULL;
    if (part == NULL || !batch_send(part, &s->place, more, on_part, c->round))
        return false;
    s->parts++;
    s->whole = !more;
    return true;
}

/* -- the database ------------------------------------------------------------------------------- */

static void on_copied_place(void *context, const PGresult *r)
{
    struct context *c = context;
    struct snapshot *s = c->snapshot;

    s->failed |= PQnfields(r) != 3 ||
                 (PQntuples(r) > 0 &&
                  !place_of_row(value_column(r, 0, 0), value_column(r, 0, 1), &s->place));
    if (!s->failed && PQntuples(r) > 0 &&
        !number_parse(value_column(r, 0, 2), INT64_MAX / 2, &s->tokens))
        s->tokens = 0; /* nobody has looked yet */
}

static const char *add_row(struct context *c, struct slice digest, struct slice claims)
{
    const struct change_row row = { .digest = digest, .claims = claims, .snapshot = true };
    struct snapshot *s = c->snapshot;
    const char *why = "no memory";

    if (s->part == NULL)
        s->part = new_part(c);
    if (s->part == NULL || !batch_add(s->part, &row, &why))
        return why;
    c->figures.changes++;
    return NULL;
}

/* Rows that come when it is over already are passed over, up to the end of the copy. */
static bool on_copied_row(void *context, struct slice digest, struct slice claims)
{
    struct context *c = context;
    struct snapshot *s = c->snapshot;

    if (is_stale(c) || s->failed)
        return true;
    const char *why = add_row(c, digest, claims);
    if (why != NULL) {
        context_stuck(c, "a token of the database's cannot be understood: %s", why);
        return true;
    }
    if (batch_is_full(s->part) && !send_part(c, true))
        s->failed = true;
    return s->parts < PARTS_MAX;
}

static void on_copied(void *context, bool ok)
{
    struct context *c = context;
    struct snapshot *s = c->snapshot;

    s->reads = false;
    if (is_stale(c) || !ok)
        return;
    if (s->failed || (s->place.serial == 0 && s->begun)) {
        context_stuck(c, "a snapshot could not be taken%s",
                      s->failed ? "" : ": the database has tokens, and no change");
    } else if (s->place.serial == 0) {
        c->empty = true;
        c->go(c, MODE_FOLLOW);
    } else if (!send_part(c, false)) {
        context_stuck(c, "a snapshot could not be handed to jetond");
    }
}

void snapshot_begin(struct context *c)
{
    static const struct database_copy copy = { on_copied_place, on_copied_row, on_copied };
    struct snapshot *s = c->snapshot;

    *s = (struct snapshot){ .round = c->round, .reads = true };
    database_copy(c->database, &copy, c);
}

static void ignore(void *context, const struct reply *reply)
{
    (void)context;
    (void)reply;
}

/* jetond keeps what has begun until its connection ends, or `fleet abort`. */
void snapshot_end(struct context *c)
{
    static const struct slice abort = SLICE("fleet abort\n");

    batch_free(c->snapshot->part);
    c->snapshot->part = NULL;
    if (c->snapshot->begun && !c->snapshot->whole)
        link_send(c->link, abort, 1, ignore, c);
    c->snapshot->begun = false;
    database_copy_resume(c->database);
}

bool snapshot_open(struct context *c)
{
    c->snapshot = calloc(1, sizeof(*c->snapshot));
    return c->snapshot != NULL;
}

void snapshot_close(struct context *c)
{
    if (c->snapshot != NULL)
        batch_free(c->snapshot->part);
    free(c->snapshot);
}
