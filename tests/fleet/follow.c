/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/follow.h"

#include <string.h>

#include "plugin/fleet/page.h"
#include "plugin/fleet/place.h"

/* Before the first host comes there are no beats; what is left of an old one is no lease to begin with. */
enum { FRESH_MS = 5000 };

static const int64_t millisecond = 1000000;

bool follow_place(const PGresult *rows, int row, struct fleet_place *place)
{
    if (row < PQntuples(rows) && PQnfields(rows) >= 2)
        return place_of_row(value_column(rows, row, 0), value_column(rows, row, 1), place);
    *place = (struct fleet_place){ 0 };
    return PQnfields(rows) >= 2;
}

void follow_earn_lease(struct host *h)
{
    if (h->promise == 0 || !h->proved || h->history.place.serial < h->promised)
        return;
    if (h->lease != 0 && h->lease < clock_now())
        h->lapses++;
    if (h->promise > h->lease)
        h->lease = h->promise;
    h->promise = 0;
}

static void begin(struct host *h, const struct fleet_place *place)
{
    h->begun = h->proved = h->feed_due = true;
    history_begin(&h->history, place, clock_now());
}

void follow_snapshot_end(struct host *h)
{
    h->snapshots++;
    begin(h, &h->snapshot);
}

/* -- rewinding ----------------------------------------------------------------------------------- */

/* Its place is not in the database's history: look for the newest of its places that is. */
static void begin_rewind(struct host *h)
{
    h->proved = false;
    h->promise = 0;
    h->rewinding = true;
    h->low = h->history.first;
    h->high = h->history.end;
}

/* All entries below `low` are common, those from `high` on are not. */
static void end_rewind(struct host *h)
{
    h->rewinding = false;
    h->rewinds++;
    if (h->low == h->history.first) {
        h->begun = h->at_newest = false; /* nothing in common: a snapshot */
        return;
    }
    history_rewind(&h->history, h->low - 1);
    h->feed_due = true;
}

static bool take_rewind(struct host *h, const PGresult *rows)
{
    const uint64_t middle = h->low + (h->high - h->low) / 2;
    struct fleet_place there;

    if (!follow_place(rows, 0, &there))
        return false;
    if (fleet_place_equal(&there, &history_entry(&h->history, middle)->place))
        h->low = middle + 1;
    else
        h->high = middle;
    if (h->low == h->high)
        end_rewind(h);
    return true;
}

/* -- changes ------------------------------------------------------------------------------------- */

/* Report to the database, when others have had the time to get as far, and not more often than each 200 ms. */
static void moved(struct host *h, int64_t now)
{
    const int64_t quiet = h->reported_at + 200 * millisecond;
    const int64_t polite = now + page_pause_ms(now - h->asked_at) * millisecond;
    const int64_t at = polite > quiet ? polite : quiet;

    follow_earn_lease(h);
    if (now >= at)
        h->report_due = true;
    else if (!h->report_due && !event_pending(h->report_timer, EV_TIMEOUT, NULL))
        arm(h->report_timer, at - now);
}

/* The groups of this host are others now: what it does not know of them is in a snapshot only. */
static bool is_of_groups(const struct page_row *row)
{
    return slice_is(row->change.event, "groups") && row->change.claims.at != NULL;
}

/* Take the changes behind the first row.  False: the answer is none. */
static bool take_changes(struct host *h, const PGresult *rows, int64_t now)
{
    struct page_row row;

    for (int i = 1; i < PQntuples(rows); i++) {
        if (!page_read(rows, i, &row) || row.change.digest.len % DIGEST_SIZE != 0)
            return false;
        if (!history_add(&h->history, &row.place, row.change.digest, now)) {
            h->gaps++;
            return false;
        }
        if (is_of_groups(&row))
            h->begun = h->at_newest = false;
    }
    return true;
}

/* Without a change, a host takes a snapshot as soon as there is one. */
static void take_first(struct host *h, const PGresult *rows)
{
    h->proved = true;
    if (PQntuples(rows) > 0)
        h->begun = h->at_newest = false;
    else if (h->follows_at == 0)
        h->follows_at = clock_now();
}

/* The first row must be the host's own place. */
static bool take_feed(struct host *h, const PGresult *rows)
{
    const int64_t now = clock_now();
    struct page_row first;

    if (!page_is_answer(rows, h->page.rows))
        return false;
    if (h->history.place.serial == 0) {
        take_first(h, rows);
        return true;
    }
    if (PQntuples(rows) == 0 || !page_read(rows, 0, &first) ||
        !fleet_place_equal(&first.place, &h->history.place)) {
        begin_rewind(h);
        return PQntuples(rows) == 0 || first.place.serial > 0;
    }
    h->proved = true;
    if (!take_changes(h, rows, now))
        return false;
    if (PQntuples(rows) > 1)
        moved(h, now);
    h->behind = page_is_full(rows, h->page.rows);
    h->feed_due = h->feed_due || h->behind;
    if (!h->feed_due && h->follows_at == 0)
        h->follows_at = now;
    follow_earn_lease(h);
    return true;
}

/* -- the poll ------------------------------------------------------------------------------------ */

static bool take_poll(struct host *h, const PGresult *rows)
{
    uint64_t newest = 0;

    if (PQntuples(rows) != 1 || PQnfields(rows) != 5)
        return false;
    if (!PQgetisnull(rows, 0, 1) && !number_parse(value_column(rows, 0, 1), INT64_MAX, &newest))
        return false;
    if (newest != h->history.place.serial || PQgetvalue(rows, 0, 4)[0] != 't')
        h->feed_due = true;
    const double age = PQgetisnull(rows, 0, 2) ? LEASE_MS : strtod(PQgetvalue(rows, 0, 2), NULL);
    if (age < (h->lease == 0 ? FRESH_MS : LEASE_MS) && h->promise == 0) {
        h->promised = newest;
        h->promise = h->asked_at + (LEASE_MS - (int64_t)age) * millisecond;
    }
    if (!PQgetisnull(rows, 0, 3) && !h->warned)
        snprintf(h->beat, sizeof(h->beat), "%s", PQgetvalue(rows, 0, 3));
    follow_earn_lease(h);
    return true;
}

bool follow_take(struct host *h, const PGresult *rows)
{
    struct fleet_place place;

    switch (h->asked) {
    case ASK_SNAPSHOT:
        return follow_place(rows, 0, &h->snapshot);
    case ASK_NEWEST:
        if (!follow_place(rows, 0, &place))
            return false;
        begin(h, &place);
        return true;
    case ASK_REWIND:
        return take_rewind(h, rows);
    case ASK_POLL:
        return take_poll(h, rows);
    case ASK_FEED:
        return take_feed(h, rows);
    default:
        return true;
    }
}
