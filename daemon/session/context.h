/* SPDX-License-Identifier: Apache-2.0 */
/* What the connections of one worker thread share, and what all threads share. */
#ifndef JETON_DAEMON_SESSION_CONTEXT_H
#define JETON_DAEMON_SESSION_CONTEXT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "daemon/base/user_names.h"
#include "daemon/config/settings.h"
#include "daemon/session/client_limit.h"
#include "daemon/session/turn.h"
#include "daemon/session/uid_share.h"
#include "daemon/verify/batch.h"
#include "daemon/verify/evaluation.h"
#include "daemon/verify/stack_set.h"
#include "daemon/writer/fleet_status.h"
#include "daemon/writer/write_queue.h"

/* Changes under way are limited, and by class, so that no crowd with a value to revoke keeps an
 * administrator waiting.  Each takes a slot.  Sessions that find none queue up by uid, uids take
 * turns, and while anybody waits nobody else of that class begins a change. */
struct change_class {
    unsigned max;
    unsigned outstanding;          /* changes under way */
    struct uid_share_ring waiting; /* uids, for a slot; net/scheduler's */
};

/* Written by the worker's thread, read by whoever asks for stats. */
struct worker_counters {
    _Atomic uint64_t requests;
    _Atomic uint64_t tables; /* descriptors handed out */
};

static inline void worker_count(_Atomic uint64_t *counter)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + 1, memory_order_relaxed);
}

/* One worker thread's.  Owned by that thread, except mailbox, counters and what is atomic. */
struct worker {
    struct event_base *base;
    struct mailbox mailbox; /* new connections, answered changes, chunks of scans, jobs */
    unsigned reader; /* this thread's number, in the token table, the metrics and the stack_set */
    struct server *server;
    struct conn *conns; /* also those that are closed and have something with another thread */
    struct change_class class[CLASSES];
    struct uid_table shares;
    struct turn turn;
    struct session_list scheduled; /* to run at the end of this turn; net/scheduler's */
    struct session_list yielded;   /* to be due in the next turn that begins with mail */
    struct uid_share_ring due;     /* the uids of those that are due, in the order of their turns */
    bool stopping;
    int64_t stop_by; /* clock_seconds() */
    struct event *on_mail;
    struct event *on_turn; /* when all events of this turn were dealt with */
    struct event *on_tick; /* while stopping */
    pthread_t thread;
    atomic_bool tick;                  /* set by worker_tick() */
    atomic_bool stop;                  /* set by worker_stop() */
    struct stack_reader *stack_reader; /* this thread's, of the server's stack_set */
    _Atomic unsigned asked;            /* how often worker_ask_alive() asked */
    _Atomic unsigned answered;         /* `asked` at the last answer */
    struct verify_batch batch;
    struct evaluation evaluation; /* of what is decided at once */
    struct worker_counters counters;
};

/* The whole daemon's.  Made at start; after that only members that are thread-safe by themselves
 * change. */
struct server {
    struct token_table *token_table;
    struct write_queue *write_queue;
    struct client_limit *client_limit;
    struct settings settings;
    struct fleet_status *fleet_status; /* the writer's; NULL: the host is in no fleet */
    struct user_names *user_names;     /* NULL: no socket grants ROLE_SELF */
    struct stack_set *stack_set;       /* the main thread's; workers have its readers */
    struct metrics metrics;
    int64_t started;
    size_t
        workers; /* threads; on a host of a fleet the last one serves the agent's sockets alone */
    struct worker *worker;
};

/* Return how many workers serve whoever verifies and administers: what the agent brings does not hold them up. */
static inline size_t server_workers(const struct server *server)
{
    return server->workers - (server->fleet_status != NULL);
}

#endif
