/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated host: the queries of plugin/fleet's agent, in its order, over a connection of its own.  It keeps its
 * history (history.h), and no tokens. */
#ifndef JETON_TESTS_FLEET_HOST_H
#define JETON_TESTS_FLEET_HOST_H

#include <libpq-fe.h>

#include "plugin/fleet/page.h"
#include "tests/fleet/history.h"
#include "tests/fleet/simulation.h"

/* The role of a host, and that of who makes changes. */
#define HOST_ROLE "sim-%u"
#define HOST_GROUP "sim"

enum { HOST_PAGE = 2001 /* rows: bounds the memory of all hosts together */ };

struct host {
    struct simulation *simulation;
    unsigned number;
    enum { HOST_DOWN, HOST_CONNECTING, HOST_SETUP, HOST_UP } state;
    PGconn *conn;
    struct event *socket, *timer, *report_timer;
    enum {
        ASK_NOTHING,
        ASK_SETUP,
        ASK_SNAPSHOT,
        ASK_NEWEST,
        ASK_REWIND,
        ASK_CONFIRM,
        ASK_POLL,
        ASK_FEED,
        ASK_REPORT
    } asked;
    bool lost;                           /* the connection is given up at the next turn */
    bool begun;                          /* it has a history */
    bool at_newest;                      /* it begins at the newest place, with no snapshot */
    bool copying, rewinding;             /* in the middle of that */
    bool poll_due, feed_due, report_due; /* what it asks next */
    bool behind;                         /* the last page was full */
    bool proved;                   /* the first row of a feed was its place, on this connection */
    bool warned;                   /* what is asked is perhaps on no standby */
    unsigned attempts;             /* to connect, since the last that went well */
    int64_t asked_at, reported_at; /* nanoseconds */
    int64_t began_at, follows_at;  /* connecting; having read all there was; 0: not yet */
    struct page_question page;     /* the last one */
    char beat[24];                 /* to be confirmed; "": none */
    uint64_t low, high;            /* of the search for the newest common place */
    uint64_t promised;             /* serial that earns the lease `promise` */
    int64_t promise, lease;        /* ends, in nanoseconds; 0: none */
    struct fleet_place snapshot;   /* of the snapshot that is being read */
    uint64_t tokens;               /* of the last snapshot */
    uint64_t rewinds, snapshots, gaps, lapses, refused;
    struct history history;
};

void host_init(struct host *h, struct simulation *s, unsigned number);

/* Connect.  A host without a history begins with a snapshot, or at the newest place. */
void host_begin(struct host *h, bool at_newest);

/* Cut the connection, and connect again as an agent does: after a random while. */
void host_cut(struct host *h);

/* Cut the connection for good, and free it. */
void host_end(struct host *h);

/* Note that a change came in: ask for it. */
void host_ask_next(struct host *h);

#endif
