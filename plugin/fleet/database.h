/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to PostgreSQL: made again whenever it ends, never waited for.
 *
 * Queries are pipelined, and answered in order.  Several that are added before database_sync() are one
 * transaction.  Their answer is given when the server is ready for more, which is after the commit: whatever
 * it warned of until then belongs to the answer.  One thread. */
#ifndef JETON_PLUGIN_FLEET_DATABASE_H
#define JETON_PLUGIN_FLEET_DATABASE_H

#include <event2/event.h>
#include <libpq-fe.h>

#include "plugin/fleet/query.h"
#include "proto/text.h"

enum { DATABASE_STATEMENTS_MAX = 256 /* in one transaction */, DATABASE_PENDING_MAX = 64 };

struct database;

/* What came of a transaction; valid while `done` runs. */
struct database_answer {
    bool ok;      /* all of it was done and committed */
    bool warned;  /* the server warned: perhaps of a commit that no standby has */
    bool lost;    /* the connection ended before the answer: it was done, or was not */
    int failed;   /* the statement that failed; -1: none */
    char code[6]; /* SQLSTATE, or "" */
    const char *message;
    int count; /* of results: one for each statement, if ok */
    PGresult *const *result;
};

typedef void database_done(void *context, const struct database_answer *answer);

struct database_events {
    void (*up)(void *context);   /* queries may be asked */
    void (*down)(void *context); /* none may; those that were pending have been answered as lost */
    void (*notified)(void *context);
};

/* Receives what query_snapshot answers. */
struct database_copy {
    void (*place)(void *context, const PGresult *place);
    /* Take a row: its digest, as bytes, and its claims; at NULL is null.  False: no more for now, until
     * database_copy_resume(). */
    bool (*row)(void *context, struct slice digest, struct slice claims);
    void (*end)(void *context, bool ok);
};

/* NULL: no memory. */
struct database *database_new(struct event_base *base, const char *conninfo,
                              const struct database_events *events, void *context);
void database_free(struct database *db);

/* Connect, and again whenever the connection ends. */
void database_start(struct database *db);

/* True if queries may be asked now: it is connected, and copies nothing. */
bool database_is_up(const struct database *db);

/* True if it is connected, whatever it does. */
bool database_is_connected(const struct database *db);

/* Return what is wrong, for people; "" if nothing is. */
const char *database_trouble(const struct database *db);

/* Return what a message of the server says, without the name that the schema's own begin with, for the server's log. */
const char *database_message(const char *message);

/* Copy why libpq has not connected.  Of a file that the user may not read it says random bytes of memory: this replaces
 * them. */
void database_reason(const char *why, char *to, size_t size);

/* Return the milliseconds (monotonic) since which it is down; 0: it is not. */
int64_t database_down_since(const struct database *db);

/* True if notifications do not come: they are never delivered through a pooler of transactions. */
bool database_is_deaf(const struct database *db);

/* Add a query with its parameters, of which NULL is null.  False: not up, or too many. */
bool database_add(struct database *db, enum query query, const char *const *parameters);

/* End the transaction that was added.  `done` is called once, if this returns true. */
bool database_sync(struct database *db, database_done *done, void *context);

/* Ask a query that is a transaction of its own. */
bool database_ask(struct database *db, enum query query, const char *const *parameters,
                  database_done *done, void *context);

/* Ask query_snapshot once all that is pending is answered; until it ends, no other query may be asked.  False: not
 * up. */
bool database_copy(struct database *db, const struct database_copy *copy, void *context);
void database_copy_resume(struct database *db);

/* Give the connection up.  `other`: begin with another of the servers that the connection string names. */
void database_drop(struct database *db, const char *why, bool other);

/* Give it up if the server has not answered for so many milliseconds, or a copy has not gone on for four times as long. */
void database_check(struct database *db, int64_t patience);

#endif
