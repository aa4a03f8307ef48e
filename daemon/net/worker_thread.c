/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/worker_thread.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/net/conn.h"
#include "daemon/session/dispatch.h"
#include "daemon/base/log.h"
#include "daemon/session/pulse.h"
#include "daemon/base/thread.h"
#include "daemon/net/scheduler.h"

enum { STOP_SECONDS = 5, OTHERS_MOST = 512, ADMINS_MOST = 4096 };

static void *run(void *worker);
static void on_mail(evutil_socket_t fd, short what, void *worker);
static void on_turn(evutil_socket_t fd, short what, void *worker);
static void on_tick(evutil_socket_t fd, short what, void *worker);
static void look_at_deadlines(struct worker *worker);
static void begin_to_stop(struct worker *worker);

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
    worker->class[CLASS_OTHERS].most = OTHERS_MOST;
    worker->class[CLASS_ADMINS].most = ADMINS_MOST;
    worker->server = server;
    worker->reader = number;
    worker->stack_reader = &server->stack_set->reader[number];
    int error = mailbox_init(&worker->box);
    if (error < 0) {
        event_base_free(worker->base);
        return error;
    }
    worker->on_mail = event_new(worker->base, worker->box.wake, EV_READ | EV_PERSIST, on_mail,
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
    mailbox_wake(&worker->box);
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->stop, true);
    mailbox_wake(&worker->box);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

static void close_all(struct worker *worker)
{
    struct conn *next;

    for (struct conn *c = worker->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_close(c);
    }
}

/* What is delivered in part, and then what came since. */
static void take_all_mail(struct worker *worker)
{
    for (int i = 0; i < 2; i++)
        while (!scheduler_deliver_mail(worker))
            continue;
}

/* Nothing goes on when what is under way comes home: it finds its connection closed.  What comes
 * may itself be a connection. */
void worker_free(struct worker *worker)
{
    close_all(worker);
    take_all_mail(worker);
    close_all(worker);
    if (worker->on_mail != NULL)
        event_free(worker->on_mail);
    if (worker->on_turn != NULL)
        event_free(worker->on_turn);
    if (worker->on_tick != NULL)
        event_free(worker->on_tick);
    event_base_free(worker->base);
    mailbox_destroy(&worker->box);
}

static void *run(void *argument)
{
    struct worker *worker = argument;

    thread_begin();
    if (event_base_dispatch(worker->base) < 0)
        log_error("a worker's event loop failed; its connections are not served");
    return NULL;
}

static void on_mail(evutil_socket_t fd, short what, void *argument)
{
    struct worker *worker = argument;

    (void)fd;
    (void)what;
    dispatch_answer(worker);
    stack_set_enter(worker->stack_reader);
    scheduler_deliver_mail(worker);
    worker_answer_alive(worker);
    if (atomic_exchange(&worker->tick, false))
        look_at_deadlines(worker);
    /* Only now: what was set before the wake-up that was just taken is seen here. */
    if (atomic_load(&worker->stop) && !worker->stopping) {
        take_all_mail(worker); /* nothing is accepted any more: these are the last */
        begin_to_stop(worker);
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

/* From here on its own clock ticks: the main thread's does not any more. */
static void begin_to_stop(struct worker *worker)
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
    dispatch_answer(worker);
    look_at_deadlines(worker);
}

static void look_at_deadlines(struct worker *worker)
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
