/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent asks the database: one row for each query, prepared once for each connection.  Parameters are text,
 * results too if not said otherwise.  No state; any thread. */
#ifndef JETON_PLUGIN_FLEET_QUERY_H
#define JETON_PLUGIN_FLEET_QUERY_H

#include <stdbool.h>

enum query {
    QUERY_POLL,    /* serial, nonce → schema_version, newest, beat_age_ms, beat, known */
    QUERY_CONFIRM, /* beat */
    QUERY_FEED, /* serial, limit → serial, nonce, event, digest, claims, in binary: see page.h */
    QUERY_FEED_MANY, /* the same, but it ends with the 16th row that is large */
    QUERY_NEWEST,    /* → serial, nonce */
    QUERY_PLACE,     /* serial → serial, nonce */
    QUERY_HORIZON,   /* → serial */
    QUERY_SEEN,      /* serial, nonce, version, lease_ms, rewinds, error */
    QUERY_PUT,       /* the columns of jeton.put → serial, nonce */
    QUERY_DENY,      /* event, digests, group, uid → serial, nonce */
    QUERY_CONFIRMED, /* serial, group → seen, hosts */
    QUERY_TOUCH,     /* digests, times */
    QUERY_GROUPS,    /* → this host's groups, in order, with commas between them */
    QUERY_COUNT
};

enum {
    QUERY_PARAMETERS_MAX = 12,
    QUERY_LARGE_MOST = 16, /* rows of a page that have more digests than fit into ... */
    QUERY_LARGE_BYTES = 1024,
};

struct query_row {
    const char *name;
    const char *sql;
    int parameters;
    bool binary; /* its results */
};

const struct query_row *query_row(enum query query);

/* A place, then the rows of a snapshot that is of the same moment, as one text of several statements. */
extern const char query_snapshot[];

#endif
