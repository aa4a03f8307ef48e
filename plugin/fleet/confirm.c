/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/confirm.h"

#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/answers.h"
#include "plugin/fleet/value.h"
#include "plugin/service/monotonic.h"

enum { COUNT_MS = 20, CHECK_MS = 100 /* when the database is not there */ };

struct confirm {
    struct context *context;
    struct change_request_list all; /* oldest first */
    struct event *timer;
    bool asked;
    uint64_t serial; /* that was asked about, and ... */
    char group[GROUP_MAX + 1];
};

static void arm(struct confirm *f, int ms)
{
    const struct timeval after = { 0, ms * 1000 };

    if (!TAILQ_EMPTY(&f->all) && !f->asked)
        event_add(f->timer, &after);
}

/* Answer those that need not wait any longer; the others take turns. */
static void settle(struct confirm *f, uint64_t seen, uint64_t hosts, bool counted)
{
    const int64_t now = monotonic_ms();
    struct change_request_list over = TAILQ_HEAD_INITIALIZER(over),
                               later = TAILQ_HEAD_INITIALIZER(later);
    struct change_request *r, *next;

    for (r = TAILQ_FIRST(&f->all); r != NULL; r = next) {
        next = TAILQ_NEXT(r, all);
        const bool same = counted && r->place.serial == f->serial &&
                          strcmp(r->group, f->group) == 0;
        if (same) {
            r->counted = true;
            r->seen = seen;
            r->hosts = hosts;
        }
        const bool end = (same && seen >= hosts) || now - r->since >= r->wait;
        if (!same && !end)
            continue;
        TAILQ_REMOVE(&f->all, r, all);
        if (end)
            TAILQ_INSERT_TAIL(&over, r, all);
        else
            TAILQ_INSERT_TAIL(&later, r, all);
    }
    TAILQ_CONCAT(&f->all, &later, all);
    answers_done(f->context, &over);
}

static void on_counted(void *confirm, const struct database_answer *answer)
{
    struct confirm *f = confirm;
    uint64_t seen = 0, hosts = 0;
    const PGresult *r = answer->ok ? answer->result[0] : NULL;

    f->asked = false;
    const bool counted = r != NULL && PQntuples(r) == 1 && PQnfields(r) == 2 &&
                         number_parse(value_column(r, 0, 0), INT64_MAX, &seen) &&
                         number_parse(value_column(r, 0, 1), INT64_MAX, &hosts);
    settle(f, seen, hosts, counted);
    arm(f, COUNT_MS);
}

static void count(struct confirm *f)
{
    const struct change_request *first = TAILQ_FIRST(&f->all);
    char serial[24];
    const char *parameters[] = { serial, f->group };

    f->serial = first->place.serial;
    snprintf(f->group, sizeof(f->group), "%s", first->group);
    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)f->serial);
    f->asked = database_ask(f->context->database, QUERY_CONFIRMED, parameters, on_counted, f);
}

static void on_timer(evutil_socket_t fd, short what, void *confirm)
{
    struct confirm *f = confirm;

    (void)fd;
    (void)what;
    settle(f, 0, 0, false);
    if (TAILQ_EMPTY(&f->all) || f->asked)
        return;
    count(f);
    arm(f, CHECK_MS);
}

struct confirm *confirm_new(struct context *c)
{
    struct confirm *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->context = c;
    TAILQ_INIT(&f->all);
    f->timer = event_new(c->base, -1, 0, on_timer, f);
    if (f->timer != NULL)
        return f;
    free(f);
    return NULL;
}

void confirm_free(struct confirm *f)
{
    struct change_request *r;

    if (f == NULL)
        return;
    while ((r = TAILQ_FIRST(&f->all)) != NULL) {
        TAILQ_REMOVE(&f->all, r, all);
        free(r);
    }
    event_free(f->timer);
    free(f);
}

void confirm_add(struct confirm *f, struct change_request_list *list)
{
    TAILQ_CONCAT(&f->all, list, all);
    arm(f, COUNT_MS);
}

bool confirm_has(const struct confirm *f, uint64_t number)
{
    const struct change_request *r;

    TAILQ_FOREACH(r, &f->all, all)
    if (r->number == number)
        return true;
    return false;
}
