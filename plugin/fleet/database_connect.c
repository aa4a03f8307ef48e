/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: DOWN > RESOLVING > CONNECTING > SETUP > PREPARING > UP, and back to DOWN from each of them. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/database_private.h"
#include "plugin/service/log.h"
#include "plugin/service/monotonic.h"

enum {
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 10000,
    RESOLVE_MS = 3000, /* until names without an address are left out */
    CONNECT_MS = 8000, /* until a session is set up */
    STEADY_MS = 2000,  /* a connection that ends sooner counts as an attempt that failed */
    COPY_PATIENCE = 4, /* times that of a query: the server sorts before it sends anything */
};

static void connect_now(struct database *db);
static void connect_by_address(struct database *db);

static void arm_timer(struct event *timer, int64_t ms)
{
    const struct timeval after = { ms / 1000, ms % 1000 * 1000 };

    event_add(timer, &after);
}

/* -- trouble ------------------------------------------------------------------------------------- */

/* Copy a message of libpq's without its last line ends, and with spaces for those inside. */
static void set_trouble(struct database *db, const char *why)
{
    database_reason(why, db->trouble, sizeof(db->trouble));
    size_t len = strlen(db->trouble);
    while (len > 0 && (db->trouble[len - 1] == '\n' || db->trouble[len - 1] == ' '))
        db->trouble[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (db->trouble[i] == '\n' || db->trouble[i] == '\t')
            db->trouble[i] = ' ';
    if (len == 0)
        strcpy(db->trouble, "the connection ended");
}

/* Say it once, not each time that it is tried again. */
static void log_trouble(struct database *db)
{
    if (strcmp(db->trouble, db->logged) == 0)
        return;
    strcpy(db->logged, db->trouble);
    log_write(LOG_WARNING, "database: %s (trying again until it can be reached)", db->trouble);
}

static void schedule(struct database *db)
{
    int64_t most = RETRY_MIN_MS * 2;

    for (unsigned i = 0; i < db->attempts && most < RETRY_MAX_MS; i++)
        most *= 2;
    if (most > RETRY_MAX_MS)
        most = RETRY_MAX_MS;
    db->attempts++;
    arm_timer(db->timer, RETRY_MIN_MS + randombytes_uniform((uint32_t)(most - RETRY_MIN_MS)));
}

static void close_connection(struct database *db)
{
    if (db->socket != NULL)
        event_free(db->socket);
    db->socket = NULL;
    PQfinish(db->conn);
    db->conn = NULL;
    event_del(db->ear);
}

/* The connection is given up: whoever waits for it gets to know. */
static void lose(struct database *db)
{
    const bool was_up = db->state == DATABASE_UP, copied = db->copying || db->copy_wanted;

    if (was_up && monotonic_ms() - db->up_since >= STEADY_MS)
        db->attempts = 0;
    if (was_up) /* of names that were answered late: old by now */
        resolver_forget(db->resolver);
    if (db->down_since == 0)
        db->down_since = monotonic_ms();
    db->state = DATABASE_DOWN;
    db->drop = db->copying = db->copy_wanted = db->deaf = false;
    close_connection(db);
    log_trouble(db);
    schedule(db);
    pipeline_lose(db);
    if (copied)
        db->copy->end(db->copy_context, false);
    if (was_up)
        db->events->down(db->context);
}

void database_doom(struct database *db, const char *why)
{
    if (db->state == DATABASE_DOWN || db->drop)
        return;
    set_trouble(db, why);
    db->drop = true;
    arm_timer(db->timer, 0);
}

void database_drop(struct database *db, const char *why, bool other)
{
    if (other)
        server_list_rotate(&db->servers);
    database_doom(db, why);
}

/* -- events -------------------------------------------------------------------------------------- */

static void read_what_came(struct database *db)
{
    if (db->copying && !db->readable)
        return;
    if (PQconsumeInput(db->conn) != 1) {
        database_doom(db, PQerrorMessage(db->conn));
        return;
    }
    if (db->state == DATABASE_SETUP)
        session_read_setup(db);
    if (db->state != DATABASE_SETUP && !db->copying && !db->drop)
        pipeline_read(db);
    if (db->copying && !db->drop)
        copy_read(db);
    if (!db->drop)
        session_read_notifications(db);
}

static void on_socket(evutil_socket_t fd, short what, void *database);

static void watch(struct database *db, short what)
{
    const int fd = PQsocket(db->conn);

    /* While it connects, libpq goes from one server, and descriptor, to the next. */
    if (db->socket != NULL)
        event_free(db->socket);
    db->socket = fd >= 0 ? event_new(db->base, fd, what | EV_PERSIST, on_socket, db) : NULL;
    if (db->socket == NULL || event_add(db->socket, NULL) < 0)
        database_doom(db, "the socket cannot be watched");
}

void database_arm(struct database *db)
{
    const bool readable = !db->copying || db->readable;
    short wanted = readable ? EV_READ | EV_PERSIST : EV_PERSIST;
    const int flushed = PQflush(db->conn);

    if (flushed < 0) {
        database_doom(db, PQerrorMessage(db->conn));
        return;
    }
    if (flushed > 0)
        wanted |= EV_WRITE;
    if (db->socket == NULL || event_get_events(db->socket) != wanted)
        watch(db, wanted);
}

static void go_on_connecting(struct database *db)
{
    const ConnStatusType before = PQstatus(db->conn);

    switch (PQconnectPoll(db->conn)) {
    case PGRES_POLLING_READING:
        watch(db, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        watch(db, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        if (session_begin(db))
            database_arm(db);
        else
            database_doom(db, PQerrorMessage(db->conn));
        break;
    default:
        /* libpq goes on to the next server if one cannot be reached, not if it ends the session, as when it, or
         * what stands before it, is being stopped, or its certificate is wrong. */
        if (before != CONNECTION_STARTED)
            server_list_rotate(&db->servers);
        database_doom(db, PQerrorMessage(db->conn));
    }
}

static void on_socket(evutil_socket_t fd, short what, void *database)
{
    struct database *db = database;

    (void)fd;
    (void)what;
    if (db->drop)
        return;
    if (db->state == DATABASE_CONNECTING) {
        go_on_connecting(db);
        return;
    }
    read_what_came(db);
    if (!db->drop && db->conn != NULL)
        database_arm(db);
}

/* The time has come to try again, to give up an attempt, or what is doomed. */
static void on_timer(evutil_socket_t fd, short what, void *database)
{
    struct database *db = database;

    (void)fd;
    (void)what;
    if (db->state == DATABASE_DOWN) {
        connect_now(db);
        return;
    }
    if (db->state == DATABASE_RESOLVING && !db->drop) {
        connect_by_address(db);
        return;
    }
    if (!db->drop) {
        server_list_rotate(&db->servers);
        set_trouble(db, "no server answers in time");
    }
    lose(db);
}

/* -- connecting ---------------------------------------------------------------------------------- */

/* Give libpq the lists that are not the connection string's. */
static void add_servers(const struct database *db, const char **keyword, const char **value)
{
    int count = 0;

    for (int k = 0; k < SERVER_LIST_KINDS; k++) {
        const char *text = db->addresses.given   ? db->addresses.text[k] :
                           db->servers.first > 0 ? db->servers.text[k] :
                                                   "";
        if (text[0] == '\0')
            continue;
        keyword[count] = server_list_keyword[k];
        value[count++] = text;
    }
}

static void begin_connection(struct database *db)
{
    enum { OURS = 9 };
    const char *keyword[OURS + SERVER_LIST_KINDS + 1] = { "fallback_application_name",
                                                          "keepalives_idle",
                                                          "keepalives_interval",
                                                          "keepalives_count",
                                                          "tcp_user_timeout",
                                                          "target_session_attrs",
                                                          "gssencmode",
                                                          "dbname",
                                                          "client_encoding" };
    const char *value[OURS + SERVER_LIST_KINDS + 1] = { "jeton-fleet", "5",          "2",
                                                        "3",           "5000",       "read-write",
                                                        "disable",     db->conninfo, "UTF8" };

    add_servers(db, keyword + OURS, value + OURS);
    db->state = DATABASE_CONNECTING;
    arm_timer(db->timer, CONNECT_MS);
    db->conn = PQconnectStartParams(keyword, value, 1);
    if (db->conn == NULL || PQstatus(db->conn) == CONNECTION_BAD) {
        database_doom(db, db->conn != NULL ? PQerrorMessage(db->conn) : "no memory");
        return;
    }
    /* From the beginning: else libpq prints what a server says, who is not known yet, into our log. */
    PQsetNoticeReceiver(db->conn, pipeline_notice, db);
    watch(db, EV_WRITE);
}

/* Connect to the servers that have an address by now. */
static void connect_by_address(struct database *db)
{
    struct server_addresses *a = &db->addresses;
    char why[sizeof(a->missing) + sizeof(a->why) + 64];

    server_list_addresses(&db->servers, db->resolver, a);
    resolver_forget(db->resolver); /* names are looked up anew for each connection */
    if (a->any) {
        begin_connection(db);
        return;
    }
    snprintf(why, sizeof(why), "the name of its host, %s, cannot be resolved: %s", a->missing,
             a->why);
    database_doom(db, why);
}

/* Go on when all names have an answer. */
static void on_resolved(void *database)
{
    struct database *db = database;

    if (db->state != DATABASE_RESOLVING || db->drop)
        return;
    server_list_addresses(&db->servers, db->resolver, &db->addresses);
    if (!db->addresses.waits)
        connect_by_address(db);
}

static void connect_now(struct database *db)
{
    server_list_read(&db->servers, db->conninfo);
    db->state = DATABASE_RESOLVING;
    arm_timer(db->timer, RESOLVE_MS);
    server_list_resolve(&db->servers, db->resolver);
    on_resolved(db);
}

struct database *database_new(struct event_base *base, const char *conninfo,
                              const struct database_events *events, void *context)
{
    struct database *db = calloc(1, sizeof(*db));

    if (db == NULL)
        return NULL;
    *db = (struct database){
        .base = base, .conninfo = conninfo, .events = events, .context = context
    };
    db->timer = event_new(base, -1, 0, on_timer, db);
    db->ear = event_new(base, -1, 0, session_on_ear, db);
    db->resolver = resolver_new(base, on_resolved, db);
    if (db->timer == NULL || db->ear == NULL || db->resolver == NULL) {
        database_free(db);
        return NULL;
    }
    return db;
}

void database_free(struct database *db)
{
    if (db == NULL)
        return;
    pipeline_forget(db);
    if (db->conn != NULL)
        close_connection(db);
    if (db->timer != NULL)
        event_free(db->timer);
    if (db->ear != NULL)
        event_free(db->ear);
    resolver_free(db->resolver);
    free(db);
}

void database_start(struct database *db)
{
    db->down_since = monotonic_ms();
    connect_now(db);
}

bool database_is_up(const struct database *db)
{
    return database_is_connected(db) && !db->copying && !db->copy_wanted;
}

bool database_is_connected(const struct database *db)
{
    return db->state == DATABASE_UP && !db->drop;
}

const char *database_trouble(const struct database *db)
{
    return db->trouble;
}

int64_t database_down_since(const struct database *db)
{
    return db->down_since;
}

bool database_is_deaf(const struct database *db)
{
    return db->deaf;
}

void database_check(struct database *db, int64_t patience)
{
    if (db->state != DATABASE_UP || (db->pending == 0 && !db->copying))
        return;
    const int64_t waited = db->copying ? (monotonic_ms() - db->copied_at) / COPY_PATIENCE :
                                         monotonic_ms() - db->exchange[db->first].since;
    if (waited > patience)
        database_drop(db,
                      "the server does not answer: it hangs, is cut off, or waits for its standbys",
                      true);
}
