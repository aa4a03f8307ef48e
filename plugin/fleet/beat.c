/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/beat.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/feed.h"
#include "plugin/fleet/value.h"

enum { PATIENCE_MIN_S = 5 };

static int64_t lease_length(const struct context *c)
{
    return c->config->lease * INT64_C(1000000000);
}

/* -- lease -------------------------------------------------------------------------------------- */

static void on_lease(void *context, const struct reply *reply)
{
    struct context *c = context;

    if (reply == NULL || !reply->final || reply->kind == ANSWER_OK)
        return;
    if (slice_is(reply->word, "busy")) /* it takes back what came of a snapshot */
        c->beat.lease_due = true;
    else /* jetond's clock, or its limits, are not ours: the lease that it has runs out. */
        context_stuck(c, "jetond does not take the lease (%.*s)", (int)reply->word.len,
                      reply->word.at);
}

/* How much longer known tokens go on, in nanoseconds. */
static int64_t kept_longer(const struct context *c)
{
    const int64_t more = c->config->keep - c->config->lease;

    return more > 0 ? more * INT64_C(1000000000) : 0;
}

static void tell_lease(struct context *c)
{
    char line[96];
    struct text t = text_in(line, sizeof(line));

    c->beat.lease_due = false;
    text_adds(&t, "fleet lease");
    line_put_u64(&t, "until", (uint64_t)c->lease.until);
    line_put_u64(&t, "keep", (uint64_t)(c->lease.until + kept_longer(c)));
    text_addc(&t, '\n');
    link_send(c->link, text_slice(&t), 1, on_lease, c);
}

void beat_grant_again(struct context *c, int64_t until)
{
    if (until == 0 || until + kept_longer(c) <= lease_clock())
        return;
    c->lease.until = until;
    tell_lease(c);
}

void beat_tick(struct context *c)
{
    if (c->beat.lease_due && c->place_known && c->lease.until > lease_clock())
        tell_lease(c);
}

void beat_reached(struct context *c)
{
    const bool had = c->lease.until > lease_clock();

    if (!c->verified || c->mode != MODE_FOLLOW || !lease_reached(&c->lease, c->place.serial))
        return;
    tell_lease(c);
    c->report.due |= !had;
}

/* -- polls -------------------------------------------------------------------------------------- */

/* A first lease needs a confirmed beat: it is not waited for until the next second. */
static void on_confirmed(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    if (!answer->ok && !answer->lost)
        log_write(LOG_WARNING, "a beat cannot be confirmed: %s", answer->message);
    else if (answer->ok && c->beat.age_ms < 0)
        beat_poll(c);
}

/* The commit of this beat came without a warning: hosts may date their leases by it. */
static void confirm(struct context *c, const char *beat)
{
    database_ask(c->database, QUERY_CONFIRM, &beat, on_confirmed, c);
}

static bool check_schema(struct context *c, struct slice version)
{
    uint64_t number = 0;

    c->beat.schema_fits = number_parse(version, INT32_MAX, &number) && number >= SCHEMA_VERSION &&
                          number <= SCHEMA_VERSION + 1;
    if (!c->beat.schema_fits && !c->beat.schema_said)
        log_write(LOG_ERROR,
                  "the database's schema is of version %llu, this program takes %d and %d: %s; "
                  "fleet tokens are refused when the lease has ended",
                  (unsigned long long)number, SCHEMA_VERSION, SCHEMA_VERSION + 1,
                  number < SCHEMA_VERSION ? "bring it up to date by `jeton fleet migrate`" :
                                            "install a newer jeton-fleet on this host");
    c->beat.schema_said = !c->beat.schema_fits;
    return c->beat.schema_fits;
}

/* Read the age as PostgreSQL writes it; below 0: there is none. */
static double read_age(struct slice text)
{
    char number[40], *end;

    if (text.at == NULL || text.len == 0 || text.len >= sizeof(number))
        return -1;
    memcpy(number, text.at, text.len);
    number[text.len] = '\0';
    const double age = strtod(number, &end);
    return *end == '\0' && isfinite(age) && age >= 0 ? age : -1;
}

static void note_age(struct context *c)
{
    const int64_t until = lease_end(c->beat.sent, c->beat.age_ms, lease_length(c));

    if (until > 0) {
        if (c->beat.beat_said)
            log_write(LOG_INFO, "the database's beats are confirmed again");
        c->beat.beat_said = false;
        c->beat.fresh_at = c->beat.sent;
        lease_promise(&c->lease, c->beat.newest, until);
    }
}

static void take_poll(struct context *c, const struct database_answer *answer)
{
    const PGresult *r = answer->result[0];

    if (PQntuples(r) != 1 || PQnfields(r) != 5) {
        log_write(LOG_WARNING, "the database answers a poll with what was not asked");
        return;
    }
    if (!check_schema(c, value_column(r, 0, 0))) {
        c->beat.fresh_at = c->beat.sent; /* no other server of this database has another schema */
        return;
    }
    const struct slice newest = value_column(r, 0, 1);
    if (newest.at == NULL)
        c->beat.newest = 0;
    else if (!number_parse(newest, INT64_MAX, &c->beat.newest))
        return;
    c->beat.age_ms = read_age(value_column(r, 0, 2));
    /* It tells no age to who is in another history: that is no fault of its own. */
    if (!slice_is(value_column(r, 0, 4), "t"))
        c->beat.fresh_at = c->beat.sent;
    if (!PQgetisnull(r, 0, 3) && !answer->warned)
        confirm(c, PQgetvalue(r, 0, 3));
    note_age(c);
    beat_reached(c);
    if (c->beat.newest != c->feed.fetched.serial)
        feed_wake(c);
}

static void on_poll(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    c->beat.asked = false;
    if (answer->ok)
        take_poll(c, answer);
    else if (!answer->lost)
        context_stuck(c, "the database cannot be polled: %s", answer->message);
}

/* The clock is read before the query is sent: a lease is never dated later than it may be. */
void beat_poll(struct context *c)
{
    char serial[24], nonce[PLACE_UUID_TEXT + 1];
    struct text t = text_in(nonce, sizeof(nonce) - 1);
    const bool has = c->place_known && c->place.serial > 0;
    const char *parameters[] = { has ? serial : NULL, has ? nonce : NULL };

    if (c->beat.asked)
        return;
    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)c->place.serial);
    place_put_uuid(&t, &c->place);
    nonce[t.len] = '\0';
    c->beat.sent = lease_clock();
    c->beat.asked = database_ask(c->database, QUERY_POLL, parameters, on_poll, c);
}

void beat_reset(struct context *c)
{
    c->beat.asked = false;
    c->beat.schema_fits = false;
    c->empty = false;
    c->beat.fresh_at = lease_clock();
    c->beat.age_ms = -1;
    lease_forget(&c->lease);
}

void beat_check(struct context *c)
{
    const int64_t old = (lease_clock() - c->beat.fresh_at) / 1000000000;
    const int64_t patience = c->config->lease < PATIENCE_MIN_S ? PATIENCE_MIN_S : c->config->lease;

    if (c->mode == MODE_SNAPSHOT) /* it polls nothing meanwhile */
        c->beat.fresh_at = lease_clock();
    /* A poll without an answer is for database_check(). */
    if (!database_is_up(c->database) || c->mode == MODE_SNAPSHOT || c->beat.asked || old < patience)
        return;
    if (!c->beat.beat_said)
        log_write(
            LOG_ERROR,
            "the database has confirmed no beat for %llds: its standbys do not answer, or it is an old primary "
            "that is cut off; trying its other servers",
            (long long)old);
    c->beat.beat_said = true;
    c->beat.fresh_at = lease_clock();
    database_drop(c->database, "no beat is confirmed", true);
}
