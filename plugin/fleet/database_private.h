/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a connection to the database share: database_connect.c connects,
 * database_session.c sets a session up, pipeline.c asks, copy.c copies. */
#ifndef JETON_PLUGIN_FLEET_DATABASE_PRIVATE_H
#define JETON_PLUGIN_FLEET_DATABASE_PRIVATE_H

#include "plugin/fleet/copy_row.h"
#include "plugin/fleet/database.h"
#include "plugin/fleet/server_list.h"

enum database_state {
    DATABASE_DOWN,       /* waits until it is time to try again */
    DATABASE_RESOLVING,  /* the names of its servers are looked up */
    DATABASE_CONNECTING, /* libpq connects */
    DATABASE_SETUP,      /* the session is set up */
    DATABASE_PREPARING,  /* the queries are prepared */
    DATABASE_UP,
};

/* A transaction that was sent. */
struct exchange {
    int statements;
    int results; /* that have come */
    int failed;  /* -1: none */
    bool warned;
    int64_t since; /* monotonic milliseconds */
    database_done *done;
    void *context;
    char code[6];
    char message[256];
    PGresult **result; /* owned, `statements` of them */
};

struct database {
    struct event_base *base;
    const struct database_events *events;
    void *context;
    const char *conninfo;
    struct server_list servers;
    struct server_addresses addresses; /* of them, for the connection that is made */
    struct resolver *resolver;
    PGconn *conn; /* NULL: none */
    enum database_state state;
    struct event *socket; /* NULL: none */
    struct event *timer;  /* of whatever the state waits for */
    struct event *ear;    /* when a notification to ourselves must have come */
    bool readable;        /* a copy takes no more for now if not */
    bool drop;            /* give it up once nobody stands on it */
    bool unnamed;         /* no query can be prepared: a pooler is between */
    bool heard, deaf;
    bool noticed; /* `notified` is due */
    unsigned attempts;
    int64_t up_since; /* monotonic milliseconds; so are: */
    int64_t down_since;
    int64_t copied_at; /* when a copy last went on */
    char probe[40];    /* the channel of a notification to ourselves */
    char trouble[512];
    char logged[512]; /* the trouble that was logged last */
    int adding;       /* statements that were added and not synced */
    unsigned first, pending;
    struct exchange exchange[DATABASE_PENDING_MAX];
    bool copy_wanted, copying, copied_out, copy_failed;
    struct copy_reader copy_reader;
    const struct database_copy *copy;
    void *copy_context;
};

/* Arm the socket's event for what the connection waits for. */
void database_arm(struct database *db);

/* Note that the connection is to be given up, and why.  It is, soon. */
void database_doom(struct database *db, const char *why);

/* Begin to set up a session; false: libpq's message says why not. */
bool session_begin(struct database *db);

/* Go on with that. */
void session_read_setup(struct database *db);

/* Take notifications that have come. */
void session_read_notifications(struct database *db);

/* The callback of `ear`. */
void session_on_ear(evutil_socket_t fd, short what, void *database);

/* Take the results that have come. */
void pipeline_read(struct database *db);

/* Prepare all queries; `done` is called as by database_sync(). */
bool pipeline_prepare(struct database *db, database_done *done);

/* A notice has come. */
void pipeline_notice(void *database, const PGresult *notice);

/* Answer what is pending as lost. */
void pipeline_lose(struct database *db);

/* Forget what is pending, without an answer. */
void pipeline_forget(struct database *db);

/* Begin the copy that is wanted, if nothing is pending. */
void copy_begin(struct database *db);

/* Take what has come of it. */
void copy_read(struct database *db);

#endif
