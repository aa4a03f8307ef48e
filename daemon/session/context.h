/* SPDX-License-Identifier: Apache-2.0 */
/* What the connections of one worker thread share, and what all threads share. */
#ifndef JETON_DAEMON_SESSION_CONTEXT_H
#define JETON_DAEMON_SESSION_CONTEXT_H

#include <event2/event.h>

#include "daemon/verify/batch.h"
#include "daemon/verify/evaluation.h"
#include "daemon/verify/stack_set.h"
#include "daemon/writer/writer_thread.h"
#include "daemon/session/client_limit.h"

/* Changes on their way are limited, and by class, so that no crowd with a value to revoke keeps an
 * administrator waiting.  Sessions that found no room queue up; until they had their turn nobody
 * else of that class begins a change. */
struct change_class {
    unsigned most;
    unsigned outstanding;
    struct session *first_waiting; /* queue.c's */
    struct session *last_waiting;
};

enum { CLASS_OTHERS, CLASS_ADMINS, CLASSES };

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

/* One worker thread's.  Owned by that thread, its box, counters and `stop` excepted. */
struct worker {
    struct event_base *base;
    struct mailbox box; /* new connections, answered changes, filled chunks */
    unsigned reader;    /* this thread's number with the token_table */
    struct server *server;
    struct conn *conns; /* of this worker, also those that are closed and whose
                                           answers are still on their way */
    struct change_class class[CLASSES];
    struct session *touched; /* to go on at the end of this turn */
    struct session *resting; /* ... of the next one that begins with mail */
    bool stopping;
    int64_t stop_by; /* clock_seconds() */
    struct event *on_mail;
    struct event *on_turn; /* when all have had their turn that had something to do */
    struct event *on_tick; /* while stopping */
    pthread_t thread;
    atomic_bool tick;                  /* set by worker_tick() */
    atomic_bool stop;                  /* set by worker_stop() */
    struct stack_reader *stack_reader; /* this thread's, of the server's stack_set */
    _Atomic unsigned asked;            /* for a sign of life, so many times; by the main thread */
    _Atomic unsigned answered;
    struct verify_batch judge;
    struct evaluation hearing; /* of what is decided at once */
    struct worker_counters counters;
};

/* The whole daemon's.  Made at start; then only what is thread-safe by itself is changed. */
struct server {
    struct token_table *token_table;
    struct writer_thread *writer_thread;
    struct client_limit *client_limit;
    struct settings settings;
    struct stack_set *stack_set; /* the main thread's; workers have its readers */
    struct metrics metrics;
    int64_t started;
    size_t workers;
    struct worker *worker;
};

#endif
