/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the agent share.  The only thread.
 *
 * The agent follows the database (MODE_FOLLOW) from the place that jetond has.  Where that place is not in the
 * database's history it finds one that is (MODE_REWIND), or takes all anew (MODE_SNAPSHOT).  What none of
 * these mends, it waits out (MODE_STUCK): the lease ends meanwhile. */
#ifndef JETON_PLUGIN_FLEET_CONTEXT_H
#define JETON_PLUGIN_FLEET_CONTEXT_H

#include "plugin/fleet/config.h"
#include "plugin/fleet/database.h"
#include "plugin/fleet/lease.h"
#include "plugin/fleet/link.h"
#include "plugin/fleet/place.h"

enum { CONTEXT_PAGE = 5000 /* changes of one batch */, CONTEXT_TROUBLE_SIZE = 256 };

/* The schemas that this version takes: its own, and the one after, which only adds to it. */
enum { SCHEMA_VERSION = 1 };

enum mode { MODE_WAIT, MODE_FOLLOW, MODE_REWIND, MODE_SNAPSHOT, MODE_STUCK };

struct feed {
    bool asked, wanted, behind; /* the last page was full */
    int rows;                   /* that were asked for */
    int64_t asked_at, took;     /* nanoseconds, monotonic; what the last page took */
    unsigned batches;           /* that jetond has not answered */
    struct fleet_place fetched; /* the last change that was handed to jetond */
    uint64_t asked_round;       /* of the page that is under way */
    unsigned idle;              /* pages that had nothing new in this second: */
    int64_t idle_second;        /* monotonic */
    struct event *later;
};

struct beat {
    bool asked;
    int64_t sent;     /* lease_clock() of the poll that is under way */
    int64_t fresh_at; /* lease_clock() of the last poll with a beat young enough */
    bool lease_due;   /* jetond was busy: it is to be given the lease again */
    bool schema_fits;
    bool schema_said, beat_said; /* logged */
    uint64_t newest;             /* of the last poll; 0: the database is empty */
    double age_ms;               /* of the newest beat in the last poll; below 0: there is none */
};

struct report {
    bool asked, due;
    int64_t at,
        due_at, /* monotonic milliseconds of the last one, and before which the next one is not sent */
        believed_until; /* likewise: clients here may pass what jetond denies, as it was killed before */
    struct event *timer;
};

struct figures {
    uint64_t changes, puts_refused, snapshots, notified, raised, raise_failed;
};

/* What jetond had before its connection ended: it forgets its lease when it starts. */
struct lease_before {
    /* Where it was, and where batches led that it did not answer. */
    struct fleet_place place[1 + LINK_PENDING_MAX];
    unsigned count;
    int64_t until; /* 0: none */
};

struct rewind;
struct snapshot;
struct upward;

struct context {
    struct event_base *base;
    const struct config *config;
    struct database *database;
    struct link *link; /* for batches, leases and all but `fleet take` */
    enum mode mode;
    uint64_t
        round; /* counts changes of the mode: answers to questions of an earlier one are void */
    struct fleet_place place; /* what jetond has saved */
    bool place_known;         /* it has said so on this connection */
    bool verified;            /* the place is in the history of the database on this connection */
    bool empty;      /* the database had no change at all; then a place of none is in its history */
    bool unanswered; /* an answer could not be sent: jetond is to offer its request again */
    uint64_t rewinds, tokens, waiting;
    struct lease lease;
    struct lease_before before;
    struct feed feed;
    struct beat beat;
    struct report report;
    struct figures figures;
    struct rewind *rewind;
    struct snapshot *snapshot;
    struct upward *upward;
    char trouble[CONTEXT_TROUBLE_SIZE]; /* what is wrong, besides connections; "": nothing */
    unsigned stuck_times;               /* since all was in order */
    int64_t stuck_until, stuck_least;   /* monotonic milliseconds; when a notification comes */

    /* Go over to another mode; agent.c has it.  Never from within a loop over what the mode changes. */
    void (*go)(struct context *c, enum mode mode);
    /* The place has moved, or was found to be in the history; agent.c has it. */
    void (*reached)(struct context *c);
};

/* Note a place where jetond may be. */
void lease_before_add(struct lease_before *b, const struct fleet_place *place);

/* Note what is wrong, log it once, and go to MODE_STUCK. */
void context_stuck(struct context *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
