/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watchdog.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/session/pulse.h"
#include "daemon/base/journald.h"

enum { DISK_PATIENCE = 10 };        /* seconds until it is said that changes wait */

static void on_watchdog(evutil_socket_t fd, short what, void *vigil)
{
    const struct report stuck = { .kind = REPORT_WORKER_STUCK, .uid = REPORT_NOBODY };
    struct vigil *v = vigil;

    (void)fd;
    (void)what;
    if (pulse_answered(v->server))
        notify_alive(v->notify);
    else
        report(&stuck, "a worker does not answer: the watchdog is not told that all is well");
    pulse_ask(v->server);
}

/* Twice within the time that the manager waits. */
bool vigil_start(struct vigil *v, struct server *server, const struct notify *notify,
                 struct event_base *base)
{
    uint64_t half = notify->watchdog / 2;
    const struct timeval interval = { (time_t)(half / 1000000), (suseconds_t)(half % 1000000) };

    *v = (struct vigil){ .server = server, .notify = notify };
    if (half == 0)
        return true;
    v->on_watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, v);
    return v->on_watchdog != NULL && event_add(v->on_watchdog, &interval) == 0;
}

void vigil_end(struct vigil *v)
{
    if (v->on_watchdog != NULL)
        event_free(v->on_watchdog);
    v->on_watchdog = NULL;
}

/* Clients that have the table stop believing it when its lease is not renewed in time. */
static void watch_lease(struct vigil *v)
{
    const struct report lapsed = { .kind = REPORT_LEASE_LAPSED, .uid = REPORT_NOBODY };
    uint64_t now = clock_monotonic(), late = now - v->renewed;

    if (v->renewed > 0 && late > PUBLISH_LEASE_SECONDS * UINT64_C(1000000000))
        report(&lapsed, "the table's lease lapsed: it was not renewed for %llu s",
               (unsigned long long)(late / 1000000000));
    v->renewed = now;
}

void vigil_tick(struct vigil *v)
{
    watch_lease(v);
    uint64_t busy = keeper_figures(v->server->keeper).busy_seconds;
    bool waits = busy >= DISK_PATIENCE;

    if (waits && !v->waits_for_disk) {
        log_warning("changes have waited for the disk for %llu s; verification goes on",
                    (unsigned long long)busy);
        notify_status(v->notify, "changes wait for the disk; verification goes on");
    } else if (!waits && v->waits_for_disk) {
        log_info("the disk answers again");
        notify_status(v->notify, "the disk answers again");
    }
    v->waits_for_disk = waits;
}

void vigil_ready(const struct vigil *v)
{
    notify_status(v->notify, "%llu tokens, %zu workers",
                  (unsigned long long)publish_figures(v->server->publisher).tokens,
                  v->server->lanes);
    notify_ready(v->notify);
}
