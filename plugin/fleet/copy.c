/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot over the connection, which is not pipelined meanwhile. */
#include <stdio.h>

#include "plugin/fleet/database_private.h"
#include "plugin/service/log.h"
#include "plugin/service/monotonic.h"

bool database_copy(struct database *db, const struct database_copy *copy, void *context)
{
    if (!database_is_up(db))
        return false;
    db->copy = copy;
    db->copy_context = context;
    db->copy_wanted = true;
    if (db->pending == 0)
        copy_begin(db);
    return true;
}

void copy_begin(struct database *db)
{
    db->copy_wanted = false;
    db->copying = true;
    db->copied_out = db->copy_failed = false;
    db->copy_reader = (struct copy_reader){ .begun = false };
    db->readable = true;
    db->copied_at = monotonic_ms();
    if (PQexitPipelineMode(db->conn) != 1 || PQsendQuery(db->conn, query_snapshot) != 1)
        database_doom(db, PQerrorMessage(db->conn));
    else
        database_arm(db);
}

/* A copy that failed leaves a transaction behind, and ends with the connection: see database_doom(). */
static void end_copy(struct database *db)
{
    if (!db->copied_out || db->copy_failed || !db->copy_reader.ended) {
        database_doom(db, "the snapshot cannot be read");
    } else if (PQenterPipelineMode(db->conn) != 1) {
        database_doom(db, PQerrorMessage(db->conn));
    } else {
        db->copying = false;
        database_arm(db);
        db->copy->end(db->copy_context, true);
    }
}

/* Hand on the rows of a message, of which there is one. */
static void read_message(struct database *db, struct slice bytes)
{
    struct slice column[2];
    enum copy_found found;

    while ((found = copy_row_take(&db->copy_reader, &bytes, column, 2)) == COPY_ROW)
        db->readable = db->copy->row(db->copy_context, column[0], column[1]) && db->readable;
    if (found == COPY_WRONG)
        database_doom(db, "the server sends rows of a snapshot that are none");
}

/* Hand rows on until there are no more for now.  True: the copy itself has ended. */
static bool read_rows(struct database *db)
{
    char *message = NULL;
    int len = 0;

    db->copied_at = monotonic_ms();
    while (db->readable && !db->drop && (len = PQgetCopyData(db->conn, &message, 1)) > 0) {
        read_message(db, (struct slice){ message, (size_t)len });
        PQfreemem(message);
    }
    if (len == -2)
        database_doom(db, PQerrorMessage(db->conn));
    return len == -1;
}

static void take(struct database *db, PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);

    if (status == PGRES_TUPLES_OK) {
        db->copy->place(db->copy_context, r);
    } else if (status == PGRES_FATAL_ERROR) {
        log_write(LOG_WARNING, "a snapshot cannot be read: %s", PQresultErrorMessage(r));
        db->copy_failed = true;
    } else if (status != PGRES_COMMAND_OK) {
        database_doom(db, "the server answers a snapshot in a way that was not asked for");
    }
    PQclear(r);
}

void copy_read(struct database *db)
{
    while (db->copying && db->readable && !db->drop && !PQisBusy(db->conn)) {
        PGresult *r = PQgetResult(db->conn);
        if (r == NULL) {
            end_copy(db);
        } else if (PQresultStatus(r) == PGRES_COPY_OUT) {
            PQclear(r);
            db->copied_out = true;
            if (!read_rows(db))
                break;
        } else {
            take(db, r);
        }
    }
    if (db->copying)
        database_arm(db);
}

void database_copy_resume(struct database *db)
{
    if (!db->copying || db->readable)
        return;
    db->readable = true;
    event_active(db->socket, EV_READ, 0);
}
