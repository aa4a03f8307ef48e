/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/words.h"

#include <stdio.h>
#include <string.h>

#include "plugin/fleet/database.h"

static void quiet(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

PGconn *words_connect(const struct config *c, const struct word_options *o, bool changes)
{
    /* As the agent does, look for the server that leads; who only looks takes any. */
    const char *const keyword[] = { "fallback_application_name", "connect_timeout",
                                    "target_session_attrs",      "dbname",
                                    "client_encoding",           NULL };
    const char *const value[] = { "jeton-fleet",
                                  "10",
                                  changes ? "read-write" : "any",
                                  o->database != NULL ? o->database : c->database,
                                  "UTF8",
                                  NULL };
    PGconn *conn = PQconnectdbParams(keyword, value, 1);
    char why[2048];

    if (PQstatus(conn) == CONNECTION_OK) {
        PQsetNoticeReceiver(conn, quiet, NULL);
        return conn;
    }
    database_reason(PQerrorMessage(conn), why, sizeof(why));
    fprintf(stderr, "jeton-fleet: %s", why);
    PQfinish(conn);
    return NULL;
}

static const char *advice(const char *code)
{
    if (strcmp(code, "3F000") == 0 || strcmp(code, "42P01") == 0 || strcmp(code, "42883") == 0)
        return "The schema of a fleet is not in this database, or too old: `jeton fleet init` makes it, "
               "`jeton fleet migrate` brings it up to date.\n";
    if (strcmp(code, "42501") == 0)
        return "This needs the owner of the schema, or a superuser: give one by --database.\n";
    return "";
}

PGresult *words_query(PGconn *conn, const char *what, const char *sql, int count,
                      const char *const *parameters)
{
    PGresult *r = PQexecParams(conn, sql, count, NULL, parameters, NULL, NULL, 0);
    const ExecStatusType status = PQresultStatus(r);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return r;
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    fprintf(stderr, "jeton-fleet: %s: %s\n%s", what,
            message != NULL ? database_message(message) : PQerrorMessage(conn),
            advice(code != NULL ? code : ""));
    PQclear(r);
    return NULL;
}
