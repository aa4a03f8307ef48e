/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/host.h"

#include <sodium.h>
#include <string.h>

#include "plugin/fleet/place.h"
#include "tests/fleet/follow.h"

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 10000 };

static const int64_t millisecond = 1000000, second = 1000000000;

static void connect_now(struct host *h);

/* -- connecting ---------------------------------------------------------------------------------- */

/* As plugin/fleet's agent does: a random time, of a range that doubles. */
static void schedule(struct host *h)
{
    int64_t most = RETRY_MIN_MS * 2;

    for (unsigned i = 0; i < h->attempts && most < RETRY_MAX_MS; i++)
        most *= 2;
    if (most > RETRY_MAX_MS)
        most = RETRY_MAX_MS;
    h->attempts++;
    arm(h->timer,
        (RETRY_MIN_MS + randombytes_uniform((uint32_t)(most - RETRY_MIN_MS))) * millisecond);
}

static void disconnect(struct host *h)
{
    event_del(h->socket);
    event_del(h->timer);
    event_del(h->report_timer);
    PQfinish(h->conn);
    h->conn = NULL;
    h->state = HOST_DOWN;
    h->asked = ASK_NOTHING;
    h->lost = h->copying = h->rewinding = h->proved = h->behind = false;
    h->beat[0] = '\0';
    h->promise = h->follows_at = 0;
}

static void lose(struct host *h)
{
    if (h->state != HOST_UP)
        h->refused++;
    disconnect(h);
    schedule(h);
}

static void on_socket(evutil_socket_t fd, short what, void *host);

static void watch(struct host *h, short what)
{
    event_del(h->socket);
    event_assign(h->socket, h->simulation->base, PQsocket(h->conn), (short)(what | EV_PERSIST),
                 on_socket, h);
    event_add(h->socket, NULL);
}

/* Send what is left of a query, and wait for what comes. */
static void flush(struct host *h)
{
    const int left = PQflush(h->conn);

    h->lost = h->lost || left < 0;
    if (!h->lost)
        watch(h, left > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void asked(struct host *h, int what, int sent)
{
    h->asked = what;
    h->warned = false;
    h->asked_at = clock_now();
    if (sent != 1)
        h->lost = true;
    else if (PQflush(h->conn) != 0)
        flush(h);
}

/* One text of many statements: it costs one turn, however many hosts come back at once. */
static void set_up(struct host *h)
{
    static const enum query prepared[] = { QUERY_POLL,   QUERY_CONFIRM, QUERY_FEED, QUERY_FEED_MANY,
                                           QUERY_NEWEST, QUERY_PLACE,   QUERY_SEEN };
    char sql[4096];
    struct text t = text_in(sql, sizeof(sql));

    text_adds(&t, "set client_min_messages = warning; ");
    if (!h->simulation->deaf)
        text_adds(&t, "listen jeton; ");
    for (size_t i = 0; i < sizeof(prepared) / sizeof(prepared[0]); i++)
        text_addf(&t, "prepare %s as %s; ", query_row(prepared[i])->name,
                  query_row(prepared[i])->sql);
    text_addc(&t, '\0');
    if (t.cut)
        die("set up", "the text is too long");
    h->state = HOST_SETUP;
    watch(h, EV_READ);
    asked(h, ASK_SETUP, PQsendQuery(h->conn, sql));
}

static void go_up(struct host *h)
{
    h->state = HOST_UP;
    h->attempts = 0;
    h->feed_due = h->poll_due = true;
    arm(h->timer, randombytes_uniform(1000) * millisecond);
}

static void go_on_connecting(struct host *h)
{
    switch (PQconnectPoll(h->conn)) {
    case PGRES_POLLING_READING:
        watch(h, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch(h, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        h->lost = PQsetnonblocking(h->conn, 1) != 0;
        set_up(h);
        break;
    default:
        h->lost = true;
    }
}

/* A warning: perhaps of a wait for a standby that was cut short, so nothing is confirmed by it. */
static void on_notice(void *host, const PGresult *r)
{
    struct host *h = host;
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    h->warned = h->warned || (code != NULL && strncmp(code, "01", 2) == 0);
}

static void connect_now(struct host *h)
{
    char conninfo[1024];

    snprintf(conninfo, sizeof(conninfo), "%s user=" HOST_ROLE, h->simulation->conninfo, h->number);
    h->conn = PQconnectStart(conninfo);
    if (h->conn == NULL)
        die("connect", "no memory");
    h->state = HOST_CONNECTING;
    h->began_at = clock_now();
    PQsetNoticeReceiver(h->conn, on_notice, h);
    if (PQstatus(h->conn) == CONNECTION_BAD)
        lose(h);
    else
        watch(h, EV_WRITE);
}

/* -- asking -------------------------------------------------------------------------------------- */

static void ask(struct host *h, int what, enum query query, const char *const *parameters)
{
    const struct query_row *row = query_row(query);

    asked(h, what,
          PQsendQueryPrepared(h->conn, row->name, row->parameters, parameters, NULL, NULL,
                              row->binary));
}

static void ask_number(struct host *h, int what, enum query query, uint64_t number)
{
    char serial[24];
    const char *const parameters[] = { serial };

    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)number);
    ask(h, what, query, parameters);
}

static void ask_feed(struct host *h)
{
    h->feed_due = false;
    page_ask(&h->page, h->history.place.serial, h->behind ? HOST_PAGE : 0);
    ask(h, ASK_FEED, h->page.query, h->page.parameters);
}

/* Tell the database the place, or ask it for the time: both say where the host is. */
static void ask_with_place(struct host *h, int what, enum query query)
{
    const struct fleet_place *place = &h->history.place;
    char serial[24], nonce[PLACE_UUID_TEXT + 1], lease[24], rewinds[24];
    struct text t = text_in(nonce, PLACE_UUID_TEXT);
    const bool some = place->serial > 0;
    const char *const parameters[] = {
        some ? serial : NULL, some ? nonce : NULL, "simulator", lease, rewinds, NULL
    };

    place_put_uuid(&t, place);
    nonce[t.len] = '\0';
    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)place->serial);
    snprintf(lease, sizeof(lease), "%lld",
             h->lease == 0 ? 0 : (long long)((h->lease - clock_now()) / millisecond));
    snprintf(rewinds, sizeof(rewinds), "%llu", (unsigned long long)h->rewinds);
    ask(h, what, query, parameters);
}

static void confirm(struct host *h)
{
    const char *const parameters[] = { h->beat };

    ask(h, ASK_CONFIRM, QUERY_CONFIRM, parameters);
    h->beat[0] = '\0';
}

static void report(struct host *h)
{
    h->report_due = false;
    h->reported_at = clock_now();
    ask_with_place(h, ASK_REPORT, QUERY_SEEN);
}

/* What is short and due each second comes first, so that a long feed does not end the lease. */
void host_ask_next(struct host *h)
{
    if (h->state != HOST_UP || h->asked != ASK_NOTHING || h->lost)
        return;
    if (!h->begun && h->at_newest)
        ask(h, ASK_NEWEST, QUERY_NEWEST, NULL);
    else if (!h->begun)
        asked(h, ASK_SNAPSHOT, PQsendQuery(h->conn, query_snapshot));
    else if (h->rewinding)
        ask_number(h, ASK_REWIND, QUERY_PLACE,
                   history_entry(&h->history, h->low + (h->high - h->low) / 2)->place.serial);
    else if (h->beat[0] != '\0')
        confirm(h);
    else if (h->poll_due) {
        h->poll_due = false;
        ask_with_place(h, ASK_POLL, QUERY_POLL);
    } else if (h->report_due && h->proved)
        report(h);
    else if (h->feed_due)
        ask_feed(h);
}

/* -- answers ------------------------------------------------------------------------------------- */

static void take(struct host *h, const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
        return;
    case PGRES_TUPLES_OK:
        if (follow_take(h, r))
            return;
        simulation_error(h->simulation, "an answer is not of the form that it should have");
        break;
    case PGRES_COPY_OUT:
        h->copying = true;
        h->tokens = 0;
        return;
    default:
        if (h->state == HOST_UP && PQstatus(h->conn) == CONNECTION_OK)
            simulation_error(h->simulation, PQresultErrorMessage(r));
    }
    h->lost = true;
}

static void finished(struct host *h)
{
    const int what = h->asked;

    h->asked = ASK_NOTHING;
    if (h->lost)
        return;
    if (what == ASK_SETUP)
        go_up(h);
    if (what == ASK_SNAPSHOT)
        follow_snapshot_end(h);
}

/* Read rows of a snapshot; false: no more for now. */
static bool copy(struct host *h)
{
    char *line;
    int len;

    while ((len = PQgetCopyData(h->conn, &line, 1)) > 0) {
        h->tokens++;
        PQfreemem(line);
    }
    h->copying = len == 0;
    h->lost = h->lost || len == -2;
    return len != 0;
}

static void read_answers(struct host *h)
{
    PGnotify *notice;

    while (!h->lost && h->asked != ASK_NOTHING) {
        if (h->copying ? !copy(h) : PQisBusy(h->conn))
            break;
        PGresult *r = PQgetResult(h->conn);
        if (r != NULL)
            take(h, r);
        else
            finished(h);
        PQclear(r);
    }
    while (!h->lost && (notice = PQnotifies(h->conn)) != NULL) {
        h->feed_due = true;
        PQfreemem(notice);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *host)
{
    struct host *h = host;

    (void)fd;
    if (h->state == HOST_CONNECTING) {
        go_on_connecting(h);
    } else {
        if (what & EV_WRITE)
            flush(h);
        h->lost = h->lost || PQconsumeInput(h->conn) != 1;
        read_answers(h);
        host_ask_next(h);
    }
    if (h->lost)
        lose(h);
}

/* Down: connect.  Up: it is time for the next poll. */
static void on_timer(evutil_socket_t fd, short what, void *host)
{
    struct host *h = host;

    (void)fd;
    (void)what;
    if (h->state == HOST_DOWN) {
        connect_now(h);
        return;
    }
    h->poll_due = true;
    h->report_due = h->report_due || clock_now() - h->reported_at > 10 * second;
    arm(h->timer, second);
    host_ask_next(h);
    if (h->lost)
        lose(h);
}

static void on_report_timer(evutil_socket_t fd, short what, void *host)
{
    struct host *h = host;

    (void)fd;
    (void)what;
    h->report_due = true;
    host_ask_next(h);
    if (h->lost)
        lose(h);
}

/* -- life ---------------------------------------------------------------------------------------- */

void host_init(struct host *h, struct simulation *s, unsigned number)
{
    memset(h, 0, sizeof(*h));
    h->simulation = s;
    h->number = number;
    h->socket = event_new(s->base, -1, 0, on_socket, h);
    h->timer = evtimer_new(s->base, on_timer, h);
    h->report_timer = evtimer_new(s->base, on_report_timer, h);
    if (h->socket == NULL || h->timer == NULL || h->report_timer == NULL)
        die("a host", "no memory");
}

void host_begin(struct host *h, bool at_newest)
{
    h->at_newest = at_newest;
    connect_now(h);
}

void host_cut(struct host *h)
{
    disconnect(h);
    schedule(h);
}

void host_end(struct host *h)
{
    disconnect(h);
    event_free(h->socket);
    event_free(h->timer);
    event_free(h->report_timer);
}
