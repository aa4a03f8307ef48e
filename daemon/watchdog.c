/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watchdog.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/session/pulse.h"
#include "daemon/base/journald.h"

enum { DISK_PATIENCE = 10 }; /* seconds until it is said that changes wait */

static void on_watchdog(evutil_socket_t fd, short what, void *watchdog)
{
    const struct journald_entry stuck = { .kind = JOURNALD_WORKER_STUCK, .uid = JOURNALD_NOBODY };
    struct watchdog *v = watchdog;

    (void)fd;
    (void)what;
    if (worker_all_alive(v->server))
        sd_notify_alive(v->notify);
    else
        journald_report(&stuck, "a worker does not answer: the watchdog is not told that all is well");
    worker_ask_alive(v->server);
}

/* Twice within the time that the manager waits. */
bool watchdog_start(struct watchdog *v, struct server *server, const struct sd_notify *notify,
                    struct event_base *base)
{
    uint64_t half = notify->watchdog / 2;
    const struct timeval interval = { (time_t)(half / 1000000), (suseconds_t)(half % 1000000) };

    *v = (struct watchdog){ .server = server, .notify = notify };
    if (half == 0)
        return true;
    v->on_watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, v);
    return v->on_watchdog != NULL && event_add(v->on_watchdog, &interval) == 0;
}

void watchdog_end(struct watchdog *v)
{
    if (v->on_watchdog != NULL)
        event_free(v->on_watchdog);
    v->on_watchdog = NULL;
}

/* Clients that have the table stop believing it when its lease is not renewed in time. */
static void watch_lease(struct watchdog *v)
{
    const struct journald_entry lapsed = { .kind = JOURNALD_LEASE_LAPSED, .uid = JOURNALD_NOBODY };
    uint64_t now = clock_monotonic(), late = now - v->renewed;

    if (v->renewed > 0 && late > TOKEN_TABLE_LEASE_SECONDS * UINT64_C(1000000000))
        journald_report(&lapsed, "the table's lease lapsed: it was not renewed for %llu s",
               (unsigned long long)(late / 1000000000));
    v->renewed = now;
}

void watchdog_tick(struct watchdog *v)
{
    watch_lease(v);
    uint64_t busy = writer_thread_figures(v->server->writer_thread).busy_seconds;
    bool waits = busy >= DISK_PATIENCE;

    if (waits && !v->waits_for_disk) {
        log_warning("changes have waited for the disk for %llu s; verification goes on",
                    (unsigned long long)busy);
        sd_notify_status(v->notify, "changes wait for the disk; verification goes on");
    } else if (!waits && v->waits_for_disk) {
        log_info("the disk answers again");
        sd_notify_status(v->notify, "the disk answers again");
    }
    v->waits_for_disk = waits;
}

void watchdog_ready(const struct watchdog *v)
{
    sd_notify_status(v->notify, "%llu tokens, %zu workers",
                     (unsigned long long)token_table_figures(v->server->token_table).tokens,
                     v->server->workers);
    sd_notify_ready(v->notify);
}
