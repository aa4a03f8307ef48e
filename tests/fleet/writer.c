/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/writer.h"

#include <libpq-fe.h>
#include <string.h>

#include "plugin/fleet/query.h"
#include "proto/token.h"
#include "tests/bench/values.h"
#include "tests/fleet/follow.h"

struct writer {
    struct simulation *simulation;
    PGconn *conn;
    struct event *socket;
    struct writer_call *call; /* the one that is pending, or NULL */
    char digests[2 + WRITER_BATCH_MAX * (2 * DIGEST_SIZE + 1) + 1];
};

/* Many at once: a call of jeton.put() for each, in one transaction. */
static const char create[] =
    "select (p).serial, (p).nonce from (select jeton.put('create', decode(d, 'hex'), $2, 'active', "
    "extract(epoch from now())::bigint, null, null, 'svc-' || left(d, 4), 'repo:read', null, null, "
    "0) p from unnest($1::text[]) d) q order by 1 desc limit 1";

size_t writer_value(uint64_t number, char value[64])
{
    make_value(number, value);
    return VALUE_LEN;
}

/* Write the digests as an array of PostgreSQL's. */
static void write_digests(struct writer *w, uint64_t first, unsigned count)
{
    struct text t = text_in(w->digests, sizeof(w->digests));
    uint8_t digest[DIGEST_SIZE];
    char value[64];

    text_addc(&t, '{');
    for (unsigned i = 0; i < count; i++) {
        token_digest((struct slice){ value, writer_value(first + i, value) }, digest);
        if (i > 0)
            text_addc(&t, ',');
        text_add_hex(&t, digest, sizeof(digest));
    }
    text_addc(&t, '}');
    text_addc(&t, '\0');
    if (t.cut)
        die("writer", "too many at once");
}

static void take(struct writer *w, const PGresult *r)
{
    struct fleet_place place;

    if (PQresultStatus(r) == PGRES_TUPLES_OK && follow_place(r, 0, &place)) {
        w->call->serial = place.serial;
        return;
    }
    w->call->failed = true;
    simulation_error(w->simulation, PQresultErrorMessage(r));
}

static void watch(struct writer *w);

static void on_socket(evutil_socket_t fd, short what, void *writer)
{
    struct writer *w = writer;

    (void)fd;
    (void)what;
    if (PQconsumeInput(w->conn) != 1 || PQflush(w->conn) < 0)
        die("writer", PQerrorMessage(w->conn));
    while (w->call != NULL && !PQisBusy(w->conn)) {
        PGresult *r = PQgetResult(w->conn);
        if (r != NULL) {
            take(w, r);
            PQclear(r);
        } else {
            w->call->answered = clock_now();
            w->call = NULL;
        }
    }
    watch(w);
}

static void watch(struct writer *w)
{
    const short what = PQflush(w->conn) > 0 ? EV_READ | EV_WRITE : EV_READ;

    event_del(w->socket);
    event_assign(w->socket, w->simulation->base, PQsocket(w->conn), what, on_socket, w);
    event_add(w->socket, NULL);
}

static void call(struct writer *w, struct writer_call *c, const char *name, int count,
                 const char *const *parameters)
{
    *c = (struct writer_call){ .called = clock_now() };
    w->call = c;
    if (PQsendQueryPrepared(w->conn, name, count, parameters, NULL, NULL, 0) != 1)
        die("writer", PQerrorMessage(w->conn));
    watch(w);
}

void writer_create(struct writer *w, uint64_t first, unsigned count, struct writer_call *c)
{
    const char *const parameters[] = { w->digests, HOST_GROUP };

    write_digests(w, first, count);
    call(w, c, "create_many", 2, parameters);
}

void writer_revoke(struct writer *w, uint64_t first, unsigned count, struct writer_call *c)
{
    const char *const parameters[] = { "revoke", w->digests, HOST_GROUP, "0" };

    write_digests(w, first, count);
    call(w, c, "deny", 4, parameters);
}

static void prepare(struct writer *w, const char *name, const char *sql)
{
    PGresult *r = PQprepare(w->conn, name, sql, 0, NULL);

    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("writer", PQerrorMessage(w->conn));
    PQclear(r);
}

struct writer *writer_new(struct simulation *s)
{
    struct writer *w = calloc(1, sizeof(*w));
    char conninfo[1024];

    if (w == NULL)
        die("writer", "no memory");
    snprintf(conninfo, sizeof(conninfo), "%s user=sim-issuer", s->conninfo);
    w->simulation = s;
    w->conn = PQconnectdb(conninfo);
    w->socket = event_new(s->base, -1, 0, on_socket, w);
    if (w->socket == NULL || PQstatus(w->conn) != CONNECTION_OK)
        die("writer", PQerrorMessage(w->conn));
    prepare(w, "create_many", create);
    prepare(w, "deny", query_row(QUERY_DENY)->sql);
    if (PQsetnonblocking(w->conn, 1) != 0)
        die("writer", PQerrorMessage(w->conn));
    return w;
}

void writer_free(struct writer *w)
{
    if (w == NULL)
        return;
    event_free(w->socket);
    PQfinish(w->conn);
    free(w);
}
