/* SPDX-License-Identifier: Apache-2.0 */
/* What fleet_up.h keeps.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_UP_STATE_H
#define JETON_DAEMON_WRITER_FLEET_UP_STATE_H

#include "daemon/writer/fleet.h"
#include "daemon/writer/fleet_up_queue.h"

enum {
    FLEET_UP_WAIT = 5,         /* seconds that a change waits, unless wait= says */
    FLEET_UP_CONFIRM_MORE = 5, /* more seconds, while hosts are counted */
    /* Changes of sessions that are no administrator's, and wait: less than these may have under way together
     * (net/worker_thread.c), so that nobody's denial of another token waits for the database. */
    FLEET_UP_OTHERS_MAX = 128,
    FLEET_UP_RETRY = 1, /* seconds after which a denial is offered again */
};

struct fleet_up {
    struct fleet_up_queue queue;
    uint64_t taker;                    /* the agent's session that takes requests; 0: none does */
    struct fleet_up_requests answered; /* done, and to be settled together */
    size_t answered_count;
    struct fleet_up_requests kept;   /* settled: see fleet_up_kept.h */
    size_t others;                   /* changes of such sessions that are held */
    struct fleet_up_requests saving; /* denials that are staged, and not committed */
    struct fleet_up_requests
        unsaved;               /* ... that the disk refused to keep as unsent; also in the queue */
    struct mail_list deferred; /* changes of tokens about which something else waits */
    struct mail_list entries;  /* of denials: for the journal, once these are saved */
    bool staged;               /* the cache is to be committed */
    bool failure_logged;       /* ... that it cannot be */
    bool news;                 /* for whoever waits for requests, or for what was settled */
    bool later_noted;          /* ... what is tried again is due */
    uint64_t next_due;   /* clock_monotonic(), no later than the first deadline; UINT64_MAX: none */
    uint64_t next_retry; /* likewise, of what is unsaved */
    uint64_t refused;    /* denials that the database does not take */
    struct record record; /* the token that a change is about */
    struct fleet_entry found, comes;
};

/* Free it, and the changes that are held; NULL is allowed. */
void fleet_up_free(struct fleet_up *u);

#endif
