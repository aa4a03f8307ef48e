/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/worker_thread.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/thread.h"
#include "daemon/net/conn.h"
#include "daemon/net/scheduler.h"

enum {
    STOP_SECONDS = 5,   /* for connections to finish */
    OTHERS_SLOTS = 512, /* changes under way of each class */
    ADMINS_SLOTS = 4096,
};

static void *run(void *worker);
static void on_mail(evutil_socket_t fd, short what, void *worker);
static void on_turn(evutil_socket_t fd, short what, void *worker);
static void on_tick(evutil_socket_t fd, short what, void *worker);
static void check_deadlines(struct worker *worker);
static void begin_stop(struct worker *worker);

int worker_init(struct worker *worker, struct server *server, unsigned number)
{
    struct event_config *config = event_config_new();

    if (config == NULL)
        return -ENOMEM;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    worker->base = event_base_new_with_config(config);
    event_config_free(config);
    if (worker->base == NULL)
        return -ENOMEM;
    scheduler_init(worker);
    worker->class[CLASS_OTHERS].max = OTHERS_SLOTS;
    worker->class[CLASS_ADMINS].max = ADMINS_SLOTS;
    worker->server = server;
    worker->reader = number;
    worker->batch.refusals = write_queue_refusals(server->write_queue);
    worker->stack_reader = &server->stack_set->reader[number];
    int error = mailbox_init(&worker->mailbox);
    if (error < 0) {
        event_base_free(worker->base);
        return error;
    }
    worker->on_mail = event_new(worker->base, worker->mailbox.wake, EV_READ | EV_PERSIST, on_mail,
                                worker);
    worker->on_turn = event_new(worker->base, -1, 0, on_turn, worker);
    worker->on_tick = event_new(worker->base, -1, EV_PERSIST, on_tick, worker);
    if (worker->on_mail != NULL && worker->on_turn != NULL && worker->on_tick != NULL &&
        event_add(worker->on_mail, NULL) == 0)
        return 0;
    worker_free(worker);
    return -ENOMEM;
}

int worker_start(struct worker *worker)
{
    return -pthread_create(&worker->thread, NULL, run, worker);
}

void worker_tick(struct worker *worker)
{
    atomic_store(&worker->tick, true);
    mailbox_wake(&worker->mailbox);
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->stop, true);
    mailbox_wake(&worker->mailbox);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

/* -- liveness -------------------------------------------------------------------------------- */

void worker_ask_alive(struct server *server)
{
    for (size_t i = 0; i < server->workers; i++) {
        atomic_fetch_add(&server->worker[i].asked, 1);
        mailbox_wake(&server->worker[i].mailbox);
    }
}

bool worker_all_alive(const struct server *server)
{
    for (size_t i = 0; i < server->workers; i++)
        if (atomic_load(&server->worker[i].answered) != atomic_load(&server->worker[i].asked))
            return false;
    return true;
}

static void answer_alive(struct worker *worker)
{
    atomic_store(&worker->answered, atomic_load(&worker->asked));
}

/* -- the end --------------------------------------------------------------------------------- */

static void close_all(struct worker *worker)
{
    struct conn *next;

    for (struct conn *c = worker->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_close(c);
    }
}

/* Deliver what was taken from the mailbox before, and then what came since. */
static void deliver_all_mail(struct worker *worker)
{
    for (int i = 0; i < 2; i++)
        while (!scheduler_deliver_mail(worker))
            continue;
}

/* Deliver the mail that is left: it finds its connection closed, or is a connection itself. */
void worker_free(struct worker *worker)
{
    close_all(worker);
    deliver_all_mail(worker);
    close_all(worker);
    if (worker->on_mail != NULL)
        event_free(worker->on_mail);
    if (worker->on_turn != NULL)
        event_free(worker->on_turn);
    if (worker->on_tick != NULL)
        event_free(worker->on_tick);
    event_base_free(worker->base);
    mailbox_destroy(&worker->mailbox);
}

/* -- the thread ------------------------------------------------------------------------------ */

static void *run(void *argument)
{
    struct worker *worker = argument;

    thread_begin();
    if (event_base_dispatch(worker->base) < 0)
        log_error(
            "worker: its event loop failed, and its connections are not served: restart jetond");
    return NULL;
}

static void on_mail(evutil_socket_t fd, short what, void *argument)
{
    struct worker *worker = argument;

    (void)fd;
    (void)what;
    answer_alive(worker); /* before anything that clients make long */
    session_answer_batch(worker);
    stack_set_enter(worker->stack_reader);
    scheduler_deliver_mail(worker);
    if (atomic_exchange(&worker->tick, false))
        check_deadlines(worker);
    /* Read `stop` last: the wake-up that was just taken may be the one that followed it. */
    if (atomic_load(&worker->stop) && !worker->stopping) {
        deliver_all_mail(worker); /* the listeners are closed: these connections are the last */
        begin_stop(worker);
    }
    if (worker->stopping && worker->conns == NULL)
        event_base_loopbreak(worker->base);
}

static void on_turn(evutil_socket_t fd, short what, void *worker)
{
    (void)fd;
    (void)what;
    scheduler_end_turn(worker);
}

/* Start a timer of its own: the main thread's does not call worker_tick() any more. */
static void begin_stop(struct worker *worker)
{
    const struct timeval second = { .tv_sec = 1 };

    worker->stopping = true;
    worker->stop_by = clock_seconds() + STOP_SECONDS;
    if (event_add(worker->on_tick, &second) < 0)
        event_base_loopbreak(worker->base);
    for (struct conn *c = worker->conns; c != NULL; c = conn_next(c))
        conn_wind_down(c);
}

static void on_tick(evutil_socket_t fd, short what, void *worker)
{
    (void)fd;
    (void)what;
    session_answer_batch(worker);
    check_deadlines(worker);
}

static void check_deadlines(struct worker *worker)
{
    int64_t now = clock_seconds();
    struct conn *next;

    for (struct conn *c = worker->conns; c != NULL; c = next) {
        next = conn_next(c);
        if (worker->stopping && now >= worker->stop_by)
            conn_close(c);
        else
            conn_tick(c, now);
    }
    if (worker->stopping && now >= worker->stop_by)
        event_base_loopbreak(worker->base);
}
