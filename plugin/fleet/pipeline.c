/* SPDX-License-Identifier: Apache-2.0 */
/* Queries on a connection: sent one after the other, answered in order. */
#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/database_private.h"
#include "plugin/service/monotonic.h"

static struct exchange *head(struct database *db)
{
    return &db->exchange[db->first];
}

/* -- sending ------------------------------------------------------------------------------------ */

static bool send_query(struct database *db, enum query query, const char *const *parameters)
{
    const struct query_row *row = query_row(query);
    const int format = row->binary;
    const int sent = db->unnamed ? PQsendQueryParams(db->conn, row->sql, row->parameters, NULL,
                                                     parameters, NULL, NULL, format) :
                                   PQsendQueryPrepared(db->conn, row->name, row->parameters,
                                                       parameters, NULL, NULL, format);

    if (sent != 1)
        database_doom(db, PQerrorMessage(db->conn));
    return sent == 1;
}

bool database_add(struct database *db, enum query query, const char *const *parameters)
{
    if (!database_is_up(db) || db->pending == DATABASE_PENDING_MAX ||
        db->adding == DATABASE_STATEMENTS_MAX || !send_query(db, query, parameters))
        return false;
    db->adding++;
    return true;
}

static bool sync_added(struct database *db, database_done *done, void *context)
{
    struct exchange *e = &db->exchange[(db->first + db->pending) % DATABASE_PENDING_MAX];

    *e = (struct exchange){ .statements = db->adding,
                            .failed = -1,
                            .since = monotonic_ms(),
                            .done = done,
                            .context = context };
    db->adding = 0;
    e->result = calloc((size_t)e->statements, sizeof(PGresult *));
    if (e->result == NULL || PQpipelineSync(db->conn) != 1) {
        free(e->result);
        database_doom(db, "the transaction cannot be sent");
        return false;
    }
    db->pending++;
    database_arm(db);
    return true;
}

bool database_sync(struct database *db, database_done *done, void *context)
{
    return database_is_up(db) && db->adding > 0 && sync_added(db, done, context);
}

bool database_ask(struct database *db, enum query query, const char *const *parameters,
                  database_done *done, void *context)
{
    return database_add(db, query, parameters) && database_sync(db, done, context);
}

bool pipeline_prepare(struct database *db, database_done *done)
{
    for (int q = 0; q < QUERY_COUNT; q++) {
        const struct query_row *row = query_row((enum query)q);
        if (PQsendPrepare(db->conn, row->name, row->sql, row->parameters, NULL) != 1)
            return false;
        db->adding++;
    }
    return sync_added(db, done, db);
}

/* -- receiving ----------------------------------------------------------------------------------- */

/* A commit that was not waited for comes with a warning.  Texts are in the server's language; so any
 * warning counts as that one. */
void pipeline_notice(void *database, const PGresult *notice)
{
    struct database *db = database;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (db->pending > 0 && (severity == NULL || strcmp(severity, "WARNING") == 0))
        head(db)->warned = true;
}

static void note_error(struct database *db, struct exchange *e, const PGresult *r)
{
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (e->failed >= 0)
        return;
    e->failed = e->results;
    snprintf(e->code, sizeof(e->code), "%s", code != NULL ? code : "");
    snprintf(e->message, sizeof(e->message), "%s",
             message != NULL ? database_message(message) : PQresultErrorMessage(r));
    /* What was prepared is not there: a pooler has given us another session. */
    if (strcmp(e->code, "26000") == 0 && !db->unnamed) {
        db->unnamed = true;
        database_doom(db, "prepared statements do not last: a pooler of transactions is between");
    }
}

static void free_results(struct exchange *e)
{
    for (int i = 0; i < e->statements; i++)
        PQclear(e->result[i]);
    free(e->result);
}

/* Answer the transaction at the head.  It is not pending any more then, so `done` may ask. */
static void answer_head(struct database *db, bool lost)
{
    struct exchange e = *head(db);
    const bool whole = e.results == e.statements;
    const struct database_answer answer = {
        .ok = !lost && whole && e.failed < 0,
        .warned = e.warned,
        .lost = lost,
        .failed = e.failed,
        .code = { e.code[0], e.code[1], e.code[2], e.code[3], e.code[4] },
        .message = lost ? db->trouble : e.message,
        .count = e.results,
        .result = e.result,
    };

    db->first = (db->first + 1) % DATABASE_PENDING_MAX;
    db->pending--;
    e.done(e.context, &answer);
    free_results(&e);
}

static void take_result(struct database *db, PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);
    struct exchange *e = head(db);

    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(r);
        answer_head(db, false);
        return;
    }
    if (e->results == e->statements && status == PGRES_FATAL_ERROR) {
        note_error(db, e, r); /* of the commit, and nothing was done */
        PQclear(r);
        return;
    }
    if (e->results == e->statements) {
        PQclear(r);
        database_doom(db, "the server answers what was not asked");
        return;
    }
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        e->result[e->results++] = r;
        return;
    }
    if (status != PGRES_PIPELINE_ABORTED)
        note_error(db, e, r);
    e->results++;
    PQclear(r);
    if (status != PGRES_PIPELINE_ABORTED && status != PGRES_FATAL_ERROR)
        database_doom(db, "the server answers in a way that was not asked for");
}

void pipeline_read(struct database *db)
{
    bool ended = false; /* nothing came: once is the end of a statement */

    while (!db->drop && db->pending > 0 && !PQisBusy(db->conn)) {
        PGresult *r = PQgetResult(db->conn);
        if (r == NULL && ended)
            break;
        ended = r == NULL;
        if (r != NULL)
            take_result(db, r);
    }
    if (!db->drop && db->copy_wanted && db->pending == 0)
        copy_begin(db);
}

void pipeline_forget(struct database *db)
{
    for (; db->pending > 0; db->pending--) {
        free_results(head(db));
        db->first = (db->first + 1) % DATABASE_PENDING_MAX;
    }
}

void pipeline_lose(struct database *db)
{
    db->adding = 0;
    while (db->pending > 0)
        answer_head(db, true);
}
