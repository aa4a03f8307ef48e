/* SPDX-License-Identifier: Apache-2.0 */
/* Setting a session up: SETUP > PREPARING > UP; and what it hears. */
#include <sodium.h>
#include <stdio.h>

#include "plugin/fleet/database_private.h"
#include "plugin/service/log.h"
#include "plugin/service/monotonic.h"

enum {
    EAR_MS = 2000, /* until a notification to ourselves has come */
    REASON_MIN =
        6, /* characters of a reason; of what is left of a freed one, by chance all printable, there are fewer */
};

void session_on_ear(evutil_socket_t fd, short what, void *database)
{
    struct database *db = database;

    (void)fd;
    (void)what;
    if (db->heard || db->state != DATABASE_UP)
        return;
    db->deaf = true;
    log_write(LOG_WARNING,
              "database: notifications do not come, so changes are asked for each second: a pooler "
              "is between that hands single transactions on, or the queue of notifications is "
              "full; connect to PostgreSQL itself, or have the pooler hand whole sessions on");
}

static void go_up(struct database *db)
{
    const struct timeval ear = { EAR_MS / 1000, 0 };

    db->state = DATABASE_UP;
    db->up_since = monotonic_ms();
    event_del(db->timer);
    db->down_since = 0;
    db->trouble[0] = db->logged[0] = '\0';
    log_write(LOG_INFO, "database: connected to %s, port %s, as %s", PQhost(db->conn),
              PQport(db->conn), PQuser(db->conn));
    if (!db->heard)
        event_add(db->ear, &ear);
    db->events->up(db->context);
}

const char *database_message(const char *message)
{
    static const char ours[] = "jeton: ";

    return strncmp(message, ours, sizeof(ours) - 1) == 0 ? message + sizeof(ours) - 1 : message;
}

void database_reason(const char *why, char *to, size_t size)
{
    const char *file = strstr(why, "could not "), *end = NULL;

    for (const char *at = file; at != NULL && (at = strstr(at, "\": ")) != NULL; at += 3)
        end = at;
    const char *rest = end != NULL ? end + 3 : "";
    size_t readable = 0;
    while (rest[readable] == '\n' || (rest[readable] >= ' ' && rest[readable] <= '~'))
        readable++;
    if (end != NULL && (strcspn(rest, "\n") < REASON_MIN || rest[readable] != '\0'))
        snprintf(to, size, "%.*s\": this user cannot read it\n", (int)(end - why), why);
    else
        snprintf(to, size, "%s", why);
}

/* What most often is wrong, and what mends it. */
static const char *advice(const char *code)
{
    if (strcmp(code, "3F000") == 0 || strcmp(code, "42P01") == 0 || strcmp(code, "42883") == 0)
        return ": `jeton fleet init` or `jeton fleet migrate` brings the schema up to date";
    if (strcmp(code, "42501") == 0)
        return ": `jeton fleet join` makes this role a host";
    return "";
}

static void on_prepared(void *database, const struct database_answer *answer)
{
    struct database *db = database;
    char why[400];

    if (answer->ok) {
        go_up(db);
    } else if (!answer->lost) {
        snprintf(why, sizeof(why), "%s%s", answer->message, advice(answer->code));
        database_doom(db, why);
    }
}

static void prepare(struct database *db)
{
    db->state = DATABASE_PREPARING;
    if (PQenterPipelineMode(db->conn) != 1)
        database_doom(db, PQerrorMessage(db->conn));
    else if (db->unnamed)
        go_up(db);
    else if (!pipeline_prepare(db, on_prepared))
        database_doom(db, PQerrorMessage(db->conn));
}

/* A session whose client has gone stays while it waits for a standby, or sends to a network that is cut, and a host has
 * two at most.  Those of agents before this one are ended; a `jeton fleet` of this host waits for neither. */
#define END_EARLIER_ONES                                                                   \
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = session_user " \
    "and datname = current_database() and pid <> pg_backend_pid() "                        \
    "and application_name = current_setting('application_name') "                          \
    "and (wait_event in ('SyncRep', 'ClientWrite') "                                       \
    "or (state like 'idle%%' and state_change < clock_timestamp() - interval '15 s')); "

/* Warnings must come, as they tell what is not confirmed; and we must hear before we read. */
bool session_begin(struct database *db)
{
    uint8_t random[8];
    char name[2 * sizeof(random)], sql[1000];
    struct text t = text_in(name, sizeof(name));

    randombytes_buf(random, sizeof(random));
    text_add_hex(&t, random, sizeof(random));
    snprintf(db->probe, sizeof(db->probe), "jeton_%.16s", name);
    db->heard = db->deaf = false;
    db->state = DATABASE_SETUP;
    snprintf(sql, sizeof(sql),
             "set client_min_messages = warning; "
             "set default_transaction_isolation = 'read committed'; set jit = off; "
             "listen jeton; listen %s; " END_EARLIER_ONES
             /* While the queue of notifications is full, a commit with one fails. */
             "select pg_notify('%s', '') where pg_notification_queue_usage() < 0.75",
             db->probe, db->probe);
    return PQsetnonblocking(db->conn, 1) == 0 && PQsendQuery(db->conn, sql) == 1;
}

void session_read_setup(struct database *db)
{
    PGresult *r;

    while (!PQisBusy(db->conn)) {
        if ((r = PQgetResult(db->conn)) == NULL) {
            prepare(db);
            return;
        }
        if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
            database_doom(db, PQresultErrorMessage(r));
        PQclear(r);
        if (db->drop)
            return;
    }
}

/* Payloads are never looked at: any role may notify. */
void session_read_notifications(struct database *db)
{
    PGnotify *n;

    while (!db->drop && (n = PQnotifies(db->conn)) != NULL) {
        db->heard = true;
        db->noticed |= strcmp(n->relname, db->probe) != 0;
        PQfreemem(n);
    }
    if (db->heard && db->deaf)
        log_write(LOG_INFO, "database: notifications come after all");
    db->deaf &= !db->heard;
    if (db->noticed && db->state == DATABASE_UP && !db->drop) {
        db->noticed = false;
        db->events->notified(db->context);
    }
}
