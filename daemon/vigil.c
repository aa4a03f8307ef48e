/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/vigil.h"

#include "daemon/log.h"
#include "daemon/pulse.h"

enum { DISK_PATIENCE = 10 };        /* seconds until it is said that changes wait */

static void on_watchdog(evutil_socket_t fd, short what, void *vigil)
{
    struct vigil *v = vigil;

    (void)fd;
    (void)what;
    if (pulse_answered(v->server))
        notify_alive(v->notify);
    else
        log_error("a worker does not answer: the watchdog is not told that all is well");
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

void vigil_tick(struct vigil *v)
{
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
