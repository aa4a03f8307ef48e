/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/upward.h"

#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/answers.h"
#include "plugin/fleet/confirm.h"
#include "plugin/fleet/value.h"
#include "plugin/service/monotonic.h"

enum {
    PUTS_MAX = 100, /* in one transaction */
    DENIALS_MAX = 1000,
    QUEUE_MAX = 20000, /* requests that wait; then jetond is not read from any more */
    HOLD_MS = 4000,    /* for which a request waits for the database: who asked waits 5 s */
    UNANSWERED_MAX = LINK_PENDING_MAX / 4, /* no more is made while jetond takes no answers */
    DIGITS = 2 * DIGEST_SIZE,
};

struct upward {
    struct context *context;
    struct link *link;
    bool asked; /* `fleet take` is under way */
    uint64_t highest;
    struct change_request_list queue, sent;
    size_t queued;
    bool denials; /* those that were sent are denials, in one statement */
    struct event *soon;
    struct confirm *confirm;
    char digests[DENIALS_MAX * (DIGITS + 1) + 2]; /* an array of PostgreSQL's */
};

static void move(struct change_request_list *from, struct change_request_list *to)
{
    TAILQ_CONCAT(to, from, all);
}

/* -- making them -------------------------------------------------------------------------------- */

static void make_soon(struct upward *u)
{
    event_active(u->soon, EV_TIMEOUT, 0);
}

/* They are committed; some are to be counted first. */
static void settle_done(struct upward *u, const struct database_answer *answer)
{
    struct change_request_list done = TAILQ_HEAD_INITIALIZER(done),
                               confirm = TAILQ_HEAD_INITIALIZER(confirm),
                               odd = TAILQ_HEAD_INITIALIZER(odd);
    const int64_t now = monotonic_ms();
    struct change_request *r;

    for (int i = 0; (r = TAILQ_FIRST(&u->sent)) != NULL; i++) {
        const PGresult *row = answer->result[u->denials ? 0 : i];
        TAILQ_REMOVE(&u->sent, r, all);
        r->since = now;
        u->context->figures.raised++;
        if (PQntuples(row) != 1 || PQnfields(row) != 2 ||
            !place_of_row(value_column(row, 0, 0), value_column(row, 0, 1), &r->place))
            TAILQ_INSERT_TAIL(&odd, r, all);
        else if (r->confirm)
            TAILQ_INSERT_TAIL(&confirm, r, all);
        else
            TAILQ_INSERT_TAIL(&done, r, all);
    }
    answers_done(u->context, &done);
    confirm_add(u->confirm, &confirm);
    answers_failed(u->context, &odd, "unknown", "the database has no such token in this group");
}

/* One of several failed, and with it all: the halves are tried, so that few of the others go up alone. */
static void try_halves(struct upward *u, size_t count)
{
    struct change_request *r;

    TAILQ_FOREACH(r, &u->sent, all)
    r->together = (count + 1) / 2;
    u->queued += count;
    move(&u->queue, &u->sent);
    move(&u->sent, &u->queue);
}

static size_t count_sent(const struct upward *u)
{
    const struct change_request *r;
    size_t count = 0;

    TAILQ_FOREACH(r, &u->sent, all)
    count++;
    return count;
}

/* What mends it, where that is known. */
static const char *advice(const char *code)
{
    if (strcmp(code, "42501") == 0)
        return "this host is not an issuer: `jeton fleet join` with --issuer makes it one";
    if (strcmp(code, "J0002") == 0)
        return "this host is not of that group: `jeton fleet join` says of which it is";
    return NULL;
}

static void settle(struct upward *u, const struct database_answer *answer)
{
    struct context *c = u->context;
    const size_t count = count_sent(u);
    const char *code = answers_code(answer->code), *known = advice(answer->code);
    char why[320];

    if (answer->lost) {
        answers_failed(
            c, &u->sent, "not-confirmed",
            "the connection to the database ended before its answer: perhaps it was done");
    } else if (!answer->ok && count > 1) {
        try_halves(u, count);
    } else if (!answer->ok) {
        snprintf(why, sizeof(why), "%s", known != NULL ? known : answer->message);
        answers_failed(c, &u->sent, code, why);
    } else if (answer->warned) {
        log_write(LOG_WARNING,
                  "a change was committed, and no standby has confirmed it: it counts as "
                  "not confirmed");
        answers_failed(
            c, &u->sent, "not-confirmed",
            "the database has it, but no standby of it may have: a failover may lose it");
    } else {
        settle_done(u, answer);
    }
}

static void on_made(void *upward, const struct database_answer *answer)
{
    struct upward *u = upward;

    settle(u, answer);
    make_soon(u);
}

/* Put a request into a transaction of `count` others, unless it would be one too many; *most is lowered to what it bears. */
static bool send_one(struct upward *u, struct change_request *r, size_t count, size_t *most)
{
    if (r->together > 0 && r->together < *most)
        *most = r->together;
    if (count >= *most)
        return false;
    TAILQ_REMOVE(&u->queue, r, all);
    TAILQ_INSERT_TAIL(&u->sent, r, all);
    u->queued--;
    return true;
}

/* Take alike denials from the head of the queue, as parameters of one statement. */
static bool add_denials(struct upward *u)
{
    struct change_request *first = TAILQ_FIRST(&u->queue), *r;
    struct text t = text_in(u->digests, sizeof(u->digests) - 1);
    size_t count = 0, most = DENIALS_MAX;
    const char *parameters[] = { first->event, u->digests, first->group, first->uid };

    while ((r = TAILQ_FIRST(&u->queue)) != NULL && change_request_is_alike(first, r) &&
           send_one(u, r, count, &most)) {
        text_addc(&t, count++ == 0 ? '{' : ',');
        text_add(&t, r->digest, DIGITS);
    }
    text_addc(&t, '}');
    u->digests[t.len] = '\0';
    u->denials = true;
    return database_add(u->context->database, QUERY_DENY, parameters);
}

static bool add_put(struct upward *u, struct change_request *r)
{
    const char *parameters[] = { r->event,   r->digest,      r->group,    r->state,
                                 r->created, r->activates,   r->expires,  r->subject,
                                 r->scopes,  r->description, r->replaces, r->uid };

    return database_add(u->context->database, QUERY_PUT, parameters);
}

static bool add_puts(struct upward *u)
{
    struct change_request *r;
    size_t count = 0, most = PUTS_MAX;

    u->denials = false;
    while ((r = TAILQ_FIRST(&u->queue)) != NULL && !r->denies && send_one(u, r, count++, &most))
        if (!add_put(u, r))
            return false;
    return true;
}

/* Make the next transaction of what waits, unless one is under way, or nobody takes its answers. */
static void make(struct upward *u)
{
    struct context *c = u->context;

    if (!TAILQ_EMPTY(&u->sent) || TAILQ_EMPTY(&u->queue) || !database_is_up(c->database) ||
        !link_is_up(c->link) || link_pending(c->link) > UNANSWERED_MAX)
        return;
    const bool added = TAILQ_FIRST(&u->queue)->denies ? add_denials(u) : add_puts(u);
    if (added && database_sync(c->database, on_made, u)) {
        if (u->queued < QUEUE_MAX / 2)
            link_pause(u->link, false);
        return;
    }
    /* What was added is not committed without its end; the connection is given up. */
    database_drop(c->database, "a transaction cannot be sent", false);
    answers_failed(c, &u->sent, "unavailable", "the connection to the database has ended");
}

static void on_soon(evutil_socket_t fd, short what, void *upward)
{
    (void)fd;
    (void)what;
    make(upward);
}

/* -- taking them -------------------------------------------------------------------------------- */

static bool is_under_way(const struct upward *u, uint64_t number)
{
    const struct change_request *r;

    TAILQ_FOREACH(r, &u->sent, all)
    if (r->number == number)
        return true;
    return confirm_has(u->confirm, number);
}

static void take_request(struct upward *u, const struct line *line)
{
    uint64_t number;
    struct change_request *r = change_request_parse(line, &number);

    if (r == NULL) {
        if (number > 0)
            answers_bad(u->context, number);
        else
            link_drop(u->link, "it offers a change that cannot be read");
        return;
    }
    /* What is offered again may be under way: it gets its answer. */
    if (number <= u->highest && is_under_way(u, number)) {
        free(r);
        return;
    }
    if (number > u->highest)
        u->highest = number;
    r->since = monotonic_ms();
    TAILQ_INSERT_TAIL(&u->queue, r, all);
    if (++u->queued >= QUEUE_MAX)
        link_pause(u->link, true);
    make_soon(u);
}

static void ask(struct upward *u);

static void on_take(void *upward, const struct reply *reply)
{
    struct upward *u = upward;

    if (reply != NULL && !reply->final) {
        take_request(u, &reply->line);
        return;
    }
    u->asked = false;
    if (reply != NULL && reply->kind == ANSWER_OK)
        ask(u);
}

static void ask(struct upward *u)
{
    static const struct slice line = SLICE("fleet take wait=60s\n");

    if (!u->asked)
        u->asked = link_send(u->link, line, 1, on_take, u);
}

/* All that has no answer is offered on a new connection. */
static void on_up(void *upward)
{
    struct upward *u = upward;

    u->context->unanswered = false;
    ask(u);
}

static void on_down(void *upward)
{
    struct upward *u = upward;
    struct change_request *r;

    u->asked = false;
    u->queued = 0;
    while ((r = TAILQ_FIRST(&u->queue)) != NULL) {
        TAILQ_REMOVE(&u->queue, r, all);
        free(r);
    }
}

/* -- for the agent ------------------------------------------------------------------------------ */

void upward_tick(struct context *c, int64_t now)
{
    struct upward *u = c->upward;
    struct change_request_list late = TAILQ_HEAD_INITIALIZER(late);
    struct change_request *r;
    char why[320];

    if (c->unanswered)
        link_drop(u->link, NULL);
    ask(u);
    if (database_is_up(c->database)) {
        make(u);
        return;
    }
    while ((r = TAILQ_FIRST(&u->queue)) != NULL && now - r->since > HOLD_MS) {
        TAILQ_REMOVE(&u->queue, r, all);
        u->queued--;
        TAILQ_INSERT_TAIL(&late, r, all);
    }
    if (database_is_connected(c->database))
        snprintf(why, sizeof(why), "this host is still fetching the fleet's tokens");
    else
        snprintf(why, sizeof(why), "the database cannot be reached: %s",
                 database_trouble(c->database));
    answers_failed(c, &late, "unavailable", why);
}

void upward_database_up(struct context *c)
{
    make(c->upward);
}

void upward_link_down(struct context *c)
{
    link_drop(c->upward->link, NULL);
}

bool upward_open(struct context *c)
{
    static const struct link_events events = { on_up, on_down };
    struct upward *u = calloc(1, sizeof(*u));

    c->upward = u;
    if (u == NULL)
        return false;
    u->context = c;
    TAILQ_INIT(&u->queue);
    TAILQ_INIT(&u->sent);
    u->link = link_new(c->base, c->config->socket, "requests", &events, u);
    u->soon = event_new(c->base, -1, 0, on_soon, u);
    u->confirm = confirm_new(c);
    return u->link != NULL && u->soon != NULL && u->confirm != NULL;
}

void upward_close(struct context *c)
{
    struct upward *u = c->upward;
    struct change_request *r;

    if (u == NULL)
        return;
    link_free(u->link);
    if (u->soon != NULL)
        event_free(u->soon);
    confirm_free(u->confirm);
    move(&u->sent, &u->queue);
    while ((r = TAILQ_FIRST(&u->queue)) != NULL) {
        TAILQ_REMOVE(&u->queue, r, all);
        free(r);
    }
    free(u);
}

void upward_start(struct context *c)
{
    link_start(c->upward->link);
}
