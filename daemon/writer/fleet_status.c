/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_status.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/clock.h"

struct fleet_status {
    pthread_mutex_t mutex;
    struct token_table *token_table;
    struct fleet_figures figures;
    uint64_t numbers; /* that were given */
    uint64_t holder;  /* 0: nobody */
    uint64_t taker;   /* likewise, of changes for the database */
    int64_t until;    /* CLOCK_BOOTTIME, nanoseconds; so with the next two */
    int64_t keep;
    int64_t renewed;
};

struct fleet_status *fleet_status_new(struct token_table *token_table)
{
    struct fleet_status *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    pthread_mutex_init(&s->mutex, NULL);
    s->token_table = token_table;
    s->renewed = clock_boottime();
    return s;
}

void fleet_status_free(struct fleet_status *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* Let the table know; the mutex is held, so that what was asked for last is what holds. */
static void set_lease(struct fleet_status *s, int64_t until, int64_t keep)
{
    s->until = until;
    s->keep = keep;
    token_table_set_fleet_lease(s->token_table, until, keep);
}

struct fleet_figures fleet_status_figures(struct fleet_status *s)
{
    pthread_mutex_lock(&s->mutex);
    struct fleet_figures figures = s->figures;
    pthread_mutex_unlock(&s->mutex);
    return figures;
}

void fleet_status_set(struct fleet_status *s, const struct fleet_figures *figures)
{
    pthread_mutex_lock(&s->mutex);
    s->figures = *figures;
    pthread_mutex_unlock(&s->mutex);
}

/* -- who brings a batch ------------------------------------------------------------------------ */

uint64_t fleet_status_hold(struct fleet_status *s)
{
    uint64_t number = 0;

    pthread_mutex_lock(&s->mutex);
    if (s->holder == 0)
        s->holder = number = ++s->numbers;
    pthread_mutex_unlock(&s->mutex);
    return number;
}

void fleet_status_release(struct fleet_status *s, uint64_t number)
{
    pthread_mutex_lock(&s->mutex);
    if (s->holder == number)
        s->holder = 0;
    pthread_mutex_unlock(&s->mutex);
}

bool fleet_status_is_held(struct fleet_status *s, uint64_t number)
{
    pthread_mutex_lock(&s->mutex);
    bool held = s->holder == number;
    pthread_mutex_unlock(&s->mutex);
    return held;
}

/* -- who takes changes for the database ---------------------------------------------------------- */

uint64_t fleet_status_hold_requests(struct fleet_status *s)
{
    uint64_t number = 0;

    pthread_mutex_lock(&s->mutex);
    if (s->taker == 0)
        s->taker = number = ++s->numbers;
    pthread_mutex_unlock(&s->mutex);
    return number;
}

void fleet_status_release_requests(struct fleet_status *s, uint64_t number)
{
    pthread_mutex_lock(&s->mutex);
    if (s->taker == number)
        s->taker = 0;
    pthread_mutex_unlock(&s->mutex);
}

uint64_t fleet_status_taker(struct fleet_status *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t taker = s->taker;
    pthread_mutex_unlock(&s->mutex);
    return taker;
}

/* -- the lease --------------------------------------------------------------------------------- */

static enum status check(const struct fleet_status *s, int64_t until, int64_t keep, int64_t now,
                         struct problem *problem)
{
    if (until == 0 && keep == 0)
        return STATUS_OK;
    if (keep < until)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "keep=: known tokens go on no shorter than "
                           "until=");
    if (until > now + TABLE_FLEET_UNTIL_MAX)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "until=: a lease is an hour at most, in nanoseconds of CLOCK_BOOTTIME");
    if (keep > now + TABLE_FLEET_KEEP_MAX)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "keep=: known tokens go on for 366 days at most, in nanoseconds of "
                           "CLOCK_BOOTTIME");
    if (!s->figures.whole && s->figures.place.serial != 0)
        return problem_set(problem, STATUS_BUSY,
                           "a snapshot is under way, or what came of one is taken back");
    if (!s->figures.whole)
        return problem_set(
            problem, STATUS_PLACE,
            "this host has no whole copy of the fleet's tokens yet: no lease before a "
            "snapshot is complete");
    return STATUS_OK;
}

enum status fleet_status_lease(struct fleet_status *s, int64_t until, int64_t keep,
                               struct problem *problem)
{
    int64_t now = clock_boottime();

    pthread_mutex_lock(&s->mutex);
    enum status status = check(s, until, keep, now, problem);
    if (status == STATUS_OK) {
        set_lease(s, until, keep);
        s->renewed = until > now ? now : s->renewed;
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static uint64_t milliseconds_to(int64_t deadline, int64_t now)
{
    return deadline > now ? (uint64_t)((deadline - now) / (CLOCK_SECOND / 1000)) : 0;
}

struct fleet_lease_left fleet_status_lease_left(struct fleet_status *s)
{
    int64_t now = clock_boottime();

    pthread_mutex_lock(&s->mutex);
    struct fleet_lease_left left = {
        .until = milliseconds_to(s->until, now),
        .keep = milliseconds_to(s->keep, now),
        .age = (uint64_t)((now - s->renewed) / CLOCK_SECOND),
    };
    pthread_mutex_unlock(&s->mutex);
    return left;
}
