/* SPDX-License-Identifier: Apache-2.0 */
/* status and hosts: tables for people, lines of JSON for programs. */
#include <stdio.h>
#include <string.h>

#include "plugin/fleet/agent.h"
#include "plugin/fleet/words.h"
#include "proto/text.h"

static const char hosts_sql[] =
    "select host, array_to_string(groups, ',') as groups, case when issuer then 'yes' else 'no' end as issuer, "
    "serial, behind, case when connected then 'yes' else 'no' end as connected, "
    "round(age::numeric, 1) as age, round(lease_ms / 1000.0, 1) as lease, version, rewinds, error "
    "from jeton.hosts order by host";

static const char hosts_json_sql[] =
    "select json_build_object('host', host, 'groups', groups, 'issuer', issuer, 'serial', serial, "
    "'behind', behind, 'connected', connected, 'at', at, 'age', age, 'lease_ms', lease_ms, "
    "'version', version, 'rewinds', rewinds, 'error', error) from jeton.hosts order by host";

static const char status_sql[] =
    "select current_database() as database, session_user as role, "
    "(select schema_version from jeton.poll(null, null)) as schema, "
    "(select serial from jeton.place()) as newest, jeton.horizon() as horizon, "
    "h.serial, h.behind, round(h.age::numeric, 1) as age, round(h.lease_ms / 1000.0, 1) as lease, "
    "h.rewinds, array_to_string(h.groups, ',') as groups, h.error "
    "from (select) one left join jeton.hosts h on h.host = session_user";

static const char status_json_sql[] =
    "select json_build_object('database', current_database(), 'role', session_user, "
    "'schema', (select schema_version from jeton.poll(null, null)), "
    "'newest', (select serial from jeton.place()), 'horizon', jeton.horizon(), 'serial', h.serial, "
    "'behind', h.behind, 'age', h.age, 'lease_ms', h.lease_ms, 'rewinds', h.rewinds, 'groups', h.groups, "
    "'error', h.error) from (select) one left join jeton.hosts h on h.host = session_user";

/* Print a value of the database's: what would do something to a terminal becomes a question mark. */
static void print_value(const char *value, int width)
{
    int columns = 0;

    for (const char *at = value; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        putchar(byte < ' ' || byte == 0x7f || (byte == 0xc2 && (unsigned char)at[1] < 0xa0) ? '?' :
                                                                                              byte);
        columns += (byte & 0xc0) != 0x80;
    }
    for (; columns < width; columns++)
        putchar(' ');
}

static int width_of(const char *value)
{
    int columns = 0;

    for (; *value != '\0'; value++)
        columns += ((unsigned char)*value & 0xc0) != 0x80;
    return columns;
}

static const char *value_of(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? "-" : PQgetvalue(r, row, column);
}

static void print_table(const PGresult *r)
{
    enum { MOST = 16 };
    const int columns = PQnfields(r);
    int width[MOST] = { 0 };

    for (int c = 0; c < columns && c < MOST; c++) {
        width[c] = width_of(PQfname(r, c));
        for (int row = 0; row < PQntuples(r); row++)
            if (width_of(value_of(r, row, c)) > width[c])
                width[c] = width_of(value_of(r, row, c));
    }
    for (int row = -1; row < PQntuples(r); row++)
        for (int c = 0; c < columns && c < MOST; c++) {
            const bool last = c == columns - 1;
            print_value(row < 0 ? PQfname(r, c) : value_of(r, row, c), last ? 0 : width[c] + 2);
            if (last)
                putchar('\n');
        }
}

/* One row, a line for each column. */
static void print_row(const PGresult *r)
{
    for (int c = 0; c < PQnfields(r); c++) {
        print_value(PQfname(r, c), 10);
        print_value(value_of(r, 0, c), 0);
        putchar('\n');
    }
}

static void print_lines(const PGresult *r)
{
    for (int row = 0; row < PQntuples(r); row++) {
        print_value(PQgetvalue(r, row, 0), 0);
        putchar('\n');
    }
}

static int show(const struct config *c, const struct word_options *o, const char *what,
                const char *sql, void print(const PGresult *))
{
    PGconn *conn = words_connect(c, o, false);

    if (conn == NULL)
        return EXIT_UNAVAILABLE;
    /* Else poll() would make a beat, and its commit wait for standbys, perhaps for ever. */
    PGresult *r = words_query(conn, what, "set default_transaction_read_only = on", 0, NULL);
    if (r != NULL) {
        PQclear(r);
        r = words_query(conn, what, sql, 0, NULL);
    }
    if (r != NULL)
        print(r);
    const int status = r != NULL ? EXIT_OK : EXIT_FAILED;
    PQclear(r);
    PQfinish(conn);
    return status;
}

int word_hosts(const struct config *c, const struct word_options *o)
{
    return o->json ? show(c, o, "hosts", hosts_json_sql, print_lines) :
                     show(c, o, "hosts", hosts_sql, print_table);
}

int word_status(const struct config *c, const struct word_options *o)
{
    return o->json ? show(c, o, "status", status_json_sql, print_lines) :
                     show(c, o, "status", status_sql, print_row);
}
