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

static void *run(void *lane);
static void on_mail(evutil_socket_t fd, short what, void *lane);
static void on_turn(evutil_socket_t fd, short what, void *lane);
static void on_tick(evutil_socket_t fd, short what, void *lane);
static void look_at_deadlines(struct lane *lane);
static void begin_to_stop(struct lane *lane);

int worker_init(struct lane *lane, struct server *server, unsigned number)
{
    struct event_config *config = event_config_new();

    if (config == NULL)
        return -ENOMEM;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    lane->base = event_base_new_with_config(config);
    event_config_free(config);
    if (lane->base == NULL)
        return -ENOMEM;
    lane->class[LANE_OTHERS].most = OTHERS_MOST;
    lane->class[LANE_ADMINS].most = ADMINS_MOST;
    lane->server = server;
    lane->reader = number;
    int error = mailbox_init(&lane->box);
    if (error < 0) {
        event_base_free(lane->base);
        return error;
    }
    lane->on_mail = event_new(lane->base, lane->box.wake, EV_READ | EV_PERSIST, on_mail, lane);
    lane->on_turn = event_new(lane->base, -1, 0, on_turn, lane);
    lane->on_tick = event_new(lane->base, -1, EV_PERSIST, on_tick, lane);
    if (lane->on_mail != NULL && lane->on_turn != NULL && lane->on_tick != NULL &&
        event_add(lane->on_mail, NULL) == 0)
        return 0;
    worker_free(lane);
    return -ENOMEM;
}

int worker_start(struct lane *lane)
{
    return -pthread_create(&lane->thread, NULL, run, lane);
}

void worker_tick(struct lane *lane)
{
    atomic_store(&lane->tick, true);
    mailbox_wake(&lane->box);
}

void worker_stop(struct lane *lane)
{
    atomic_store(&lane->stop, true);
    mailbox_wake(&lane->box);
}

void worker_join(struct lane *lane)
{
    pthread_join(lane->thread, NULL);
}

static void close_all(struct lane *lane)
{
    struct conn *next;

    for (struct conn *c = lane->conns; c != NULL; c = next) {
        next = conn_next(c);
        conn_close(c);
    }
}

/* What is delivered in part, and then what came since. */
static void take_all_mail(struct lane *lane)
{
    for (int i = 0; i < 2; i++)
        while (!turn_take_mail(lane))
            continue;
}

/* Nothing goes on when what is under way comes home: it finds its connection closed.  What comes
 * may itself be a connection. */
void worker_free(struct lane *lane)
{
    close_all(lane);
    take_all_mail(lane);
    close_all(lane);
    if (lane->on_mail != NULL)
        event_free(lane->on_mail);
    if (lane->on_turn != NULL)
        event_free(lane->on_turn);
    if (lane->on_tick != NULL)
        event_free(lane->on_tick);
    event_base_free(lane->base);
    mailbox_destroy(&lane->box);
}

static void *run(void *argument)
{
    struct lane *lane = argument;

    thread_begin();
    if (event_base_dispatch(lane->base) < 0)
        log_error("a worker's event loop failed; its connections are not served");
    return NULL;
}

static void on_mail(evutil_socket_t fd, short what, void *argument)
{
    struct lane *lane = argument;

    (void)fd;
    (void)what;
    dispatch_answer(lane);
    lane_take_stacks(lane);
    turn_take_mail(lane);
    pulse_answer(lane);
    if (atomic_exchange(&lane->tick, false))
        look_at_deadlines(lane);
    /* Only now: what was set before the wake-up that was just taken is seen here. */
    if (atomic_load(&lane->stop) && !lane->stopping) {
        take_all_mail(lane);                /* nothing is accepted any more: these are the last */
        begin_to_stop(lane);
    }
    if (lane->stopping && lane->conns == NULL)
        event_base_loopbreak(lane->base);
}

static void on_turn(evutil_socket_t fd, short what, void *lane)
{
    (void)fd;
    (void)what;
    turn_end(lane);
}

/* From here on its own clock ticks: the main thread's does not any more. */
static void begin_to_stop(struct lane *lane)
{
    const struct timeval second = { .tv_sec = 1 };

    lane->stopping = true;
    lane->stop_by = clock_seconds() + STOP_SECONDS;
    if (event_add(lane->on_tick, &second) < 0)
        event_base_loopbreak(lane->base);
    for (struct conn *c = lane->conns; c != NULL; c = conn_next(c))
        conn_wind_down(c);
}

static void on_tick(evutil_socket_t fd, short what, void *lane)
{
    (void)fd;
    (void)what;
    dispatch_answer(lane);
    look_at_deadlines(lane);
}

static void look_at_deadlines(struct lane *lane)
{
    int64_t now = clock_seconds();
    struct conn *next;

    for (struct conn *c = lane->conns; c != NULL; c = next) {
        next = conn_next(c);
        if (lane->stopping && now >= lane->stop_by)
            conn_close(c);
        else
            conn_tick(c, now);
    }
    if (lane->stopping && now >= lane->stop_by)
        event_base_loopbreak(lane->base);
}
