/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/owner.h"

#include <libpq-fe.h>
#include <string.h>

#include "proto/token.h"
#include "tests/fleet/follow.h"
#include "tests/fleet/writer.h"

/* All changes: the place of each, and the sum of those up to it. */
struct truth {
    uint64_t first; /* serial of row 0 */
    uint64_t count;
    struct fleet_place *place;
    struct history_sum *sum;
};

/* One statement, if its results are to be binary.  NULL: it cannot be reached. */
static PGresult *query(struct simulation *s, const char *sql, bool binary)
{
    PGconn *conn = PQconnectdb(s->conninfo);
    PGresult *r = NULL;

    if (PQstatus(conn) == CONNECTION_OK) {
        PQclear(PQexec(conn, "set client_min_messages = warning"));
        r = binary ? PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1) : PQexec(conn, sql);
    }

    if (r != NULL && PQresultStatus(r) == PGRES_FATAL_ERROR) {
        if (PQstatus(conn) == CONNECTION_OK && PQresultErrorField(r, PG_DIAG_SQLSTATE)[0] != '5')
            die(sql, PQresultErrorMessage(r));
        PQclear(r);
        r = NULL;
    }
    PQfinish(conn);
    return r;
}

void owner_join(struct simulation *s, unsigned count)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "select jeton.join('sim-issuer', '{" HOST_GROUP "}', true); "
             "select jeton.join('sim-' || n, '{" HOST_GROUP "}', false) "
             "from generate_series(1, %u) n",
             count);
    PGresult *r = query(s, sql, false);
    if (r == NULL)
        die("join", "the database cannot be reached");
    PQclear(r);
}

/* The claims of put(), ready as they are in the table. */
static const char fill[] =
    "with t(t) as (values (extract(epoch from now())::bigint)) insert into jeton.token (digest, "
    "grp, state, known, created, origin, by_uid, words) select decode(d, 'hex'), '" HOST_GROUP "', "
    "'active', true, t, 'sim-issuer', 0, 'group=" HOST_GROUP " created=' || jeton.stamp(t) || ' "
    "subject=svc-' || left(d, 4) || ' scopes=repo:read origin=sim-issuer by=uid:0' from filling, t; "
    "drop table filling; analyze jeton.token";

static void must_be(PGconn *conn, PGresult *r, ExecStatusType status)
{
    if (PQresultStatus(r) != status)
        die("fill", PQerrorMessage(conn));
    PQclear(r);
}

void owner_fill(struct simulation *s, unsigned first, unsigned count)
{
    PGconn *conn = PQconnectdb(s->conninfo);
    uint8_t digest[DIGEST_SIZE];
    char value[64], line[2 * DIGEST_SIZE + 1];

    must_be(conn, PQexec(conn, "create temporary table filling (d text)"), PGRES_COMMAND_OK);
    must_be(conn, PQexec(conn, "copy filling from stdin"), PGRES_COPY_IN);
    for (unsigned i = 0; i < count; i++) {
        struct text t = text_in(line, sizeof(line));
        token_digest((struct slice){ value, writer_value(first + i, value) }, digest);
        text_add_hex(&t, digest, sizeof(digest));
        text_addc(&t, '\n');
        if (PQputCopyData(conn, line, (int)t.len) != 1)
            die("fill", PQerrorMessage(conn));
    }
    if (PQputCopyEnd(conn, NULL) != 1)
        die("fill", PQerrorMessage(conn));
    must_be(conn, PQgetResult(conn), PGRES_COMMAND_OK);
    PQclear(PQgetResult(conn));
    must_be(conn, PQexec(conn, fill), PGRES_COMMAND_OK);
    PQfinish(conn);
}

int64_t owner_newest(struct simulation *s)
{
    PGresult *r = query(s, "select coalesce(max(serial), 0) from jeton.change", false);
    int64_t newest = -1;

    if (r != NULL && PQntuples(r) == 1)
        newest = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return newest;
}

static struct truth read_truth(const PGresult *r)
{
    struct truth t = { .count = (uint64_t)PQntuples(r) };

    t.place = calloc(t.count + 1, sizeof(*t.place));
    t.sum = calloc(t.count + 1, sizeof(*t.sum));
    if (t.place == NULL || t.sum == NULL)
        die("compare", "no memory");
    for (uint64_t i = 0; i < t.count; i++) {
        const int row = (int)i;
        if (!value_int8(value_column(r, row, 0), &t.place[i].serial) ||
            !value_uuid(value_column(r, row, 1), t.place[i].nonce))
            die("compare", "a change is not of the form that it should have");
        t.sum[i] = history_sum(&t.place[i], value_column(r, row, 2));
        if (i > 0)
            history_sum_add(&t.sum[i], &t.sum[i - 1]);
    }
    t.first = t.count > 0 ? t.place[0].serial : 1;
    return t;
}

/* Find a place; its row, or -1 for the one before all. */
static bool find(const struct truth *t, const struct fleet_place *place, int64_t *row)
{
    *row = (int64_t)(place->serial - t->first);
    if (place->serial == 0 && t->first == 1)
        return true;
    return place->serial >= t->first && (uint64_t)*row < t->count &&
           fleet_place_equal(place, &t->place[*row]);
}

static bool agrees(const struct truth *t, const struct history *h)
{
    int64_t base, place;
    struct history_sum sum = h->sum;

    if (!find(t, &h->base, &base) || !find(t, &h->place, &place) || base > place)
        return false;
    if (base >= 0)
        history_sum_add(&sum, &t->sum[base]);
    if (place >= 0)
        history_sum_add(&sum, &t->sum[place]);
    return sum.word[0] == 0 && sum.word[1] == 0;
}

unsigned owner_compare(struct simulation *s)
{
    PGresult *r = query(s,
                        "select serial, nonce, case when grp = '" HOST_GROUP "' then digest end "
                        "from jeton.change order by serial",
                        true);
    unsigned wrong = 0;

    if (r == NULL)
        die("compare", "the database cannot be reached");
    struct truth t = read_truth(r);
    PQclear(r);
    for (unsigned i = 0; i < s->count; i++)
        wrong += !s->host[i].begun || !agrees(&t, &s->host[i].history);
    free(t.place);
    free(t.sum);
    return wrong;
}
