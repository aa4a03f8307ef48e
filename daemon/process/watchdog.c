/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/watchdog.h"

#include "daemon/base/clock.h"
#include "daemon/base/journald.h"
#include "daemon/base/log.h"
#include "daemon/net/worker_thread.h"
#include "daemon/table/lease.h"

enum { DISK_PATIENCE = 10 }; /* seconds that changes may wait for the disk before it is reported */

static void on_watchdog(evutil_socket_t fd, short what, void *watchdog)
{
    const struct journald_entry stuck = { .kind = JOURNALD_WORKER_STUCK, .uid = JOURNALD_NOBODY };
    struct watchdog *w = watchdog;

    (void)fd;
    (void)what;
    if (worker_all_alive(w->server))
        sd_notify_alive(w->notify);
    else
        journald_report(
            &stuck,
            "watchdog: a worker does not answer; WATCHDOG=1 is withheld from the service manager");
    worker_ask_alive(w->server);
}

/* Report twice within the time that the service manager waits. */
bool watchdog_start(struct watchdog *w, struct server *server, struct sd_notify *notify,
                    struct event_base *base)
{
    uint64_t half = notify->watchdog / 2;
    const struct timeval interval = { (time_t)(half / 1000000), (suseconds_t)(half % 1000000) };

    *w = (struct watchdog){ .server = server, .notify = notify };
    if (half == 0)
        return true;
    w->on_watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, w);
    return w->on_watchdog != NULL && event_add(w->on_watchdog, &interval) == 0;
}

void watchdog_end(struct watchdog *w)
{
    if (w->on_watchdog != NULL)
        event_free(w->on_watchdog);
    w->on_watchdog = NULL;
}

/* Report a lease that was renewed too late: clients did not trust their table meanwhile. */
static void watch_lease(struct watchdog *w)
{
    const struct journald_entry lapsed = { .kind = JOURNALD_LEASE_LAPSED, .uid = JOURNALD_NOBODY };
    uint64_t now = clock_monotonic(), late = now - w->renewed;

    if (w->renewed > 0 && late > LEASE_SECONDS * UINT64_C(1000000000))
        journald_report(&lapsed, "table: the lease lapsed: it was not renewed for %llu s",
                        (unsigned long long)(late / 1000000000));
    w->renewed = now;
}

void watchdog_tick(struct watchdog *w)
{
    watch_lease(w);
    sd_notify_retry(w->notify);
    uint64_t busy = write_queue_stats(w->server->write_queue).busy_seconds;
    bool waits = busy >= DISK_PATIENCE;

    if (waits && !w->waits_for_disk) {
        log_warning("store: changes have waited for the disk for %llu s; verification goes on",
                    (unsigned long long)busy);
        sd_notify_status(w->notify, "changes wait for the disk; verification goes on");
    } else if (!waits && w->waits_for_disk) {
        log_info("store: the disk answers again");
        sd_notify_status(w->notify, "the disk answers again");
    }
    w->waits_for_disk = waits;
}

void watchdog_ready(const struct watchdog *w)
{
    sd_notify_status(w->notify, "%llu tokens, %zu workers",
                     (unsigned long long)token_table_figures(w->server->token_table).tokens,
                     server_workers(w->server));
    sd_notify_ready(w->notify);
}
