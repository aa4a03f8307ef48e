/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "plugin/fleet/beat.h"
#include "plugin/fleet/feed.h"
#include "plugin/fleet/groups.h"
#include "plugin/fleet/metrics.h"
#include "plugin/fleet/only.h"
#include "plugin/fleet/report.h"
#include "plugin/fleet/rewind.h"
#include "plugin/fleet/sandbox.h"
#include "plugin/fleet/snapshot.h"
#include "plugin/fleet/touched.h"
#include "plugin/fleet/upward.h"
#include "plugin/service/monotonic.h"
#include "plugin/service/notify.h"
#include "plugin/service/process.h"

enum {
    TICK_MS = 100,
    POLL_MS = 1000,
    STUCK_MS = 5000,
    STUCK_MIN_MS = 1000,     /* anybody may notify */
    STUCK_TIMES_MAX = 2,     /* that it waits twice as long: to look again may take all tokens */
    PATIENCE_MS = 15000,     /* a server answers a query within this, or a lease if that is less */
    PLACE_MS = 10000,        /* jetond is asked for its figures that often */
    BELIEVED_MAX_MS = 60000, /* it is seconds */
};

static struct context context;
static int64_t polled_at, asked_place_at, alive_at;

/* -- modes -------------------------------------------------------------------------------------- */

static void begin_mode(struct context *c)
{
    switch (c->mode) {
    case MODE_FOLLOW:
        feed_begin(c);
        break;
    case MODE_REWIND:
        rewind_begin(c);
        break;
    case MODE_SNAPSHOT:
        snapshot_begin(c);
        break;
    case MODE_STUCK:
        c->stuck_least = monotonic_ms() + (STUCK_MIN_MS << c->stuck_times);
        c->stuck_until = monotonic_ms() + (STUCK_MS << c->stuck_times);
        c->stuck_times += c->stuck_times < STUCK_TIMES_MAX;
        c->place_known = false;
        report_due(c);
        break;
    case MODE_WAIT:
        break;
    }
}

static void go(struct context *c, enum mode mode)
{
    static const char *const names[] = { "wait", "follow", "rewind", "snapshot", "stuck" };

    log_write(LOG_DEBUG, "%s > %s at %llu", names[c->mode], names[mode],
              (unsigned long long)c->place.serial);
    if (c->mode == MODE_SNAPSHOT && mode != MODE_SNAPSHOT)
        snapshot_end(c);
    c->mode = mode;
    c->round++;
    if (mode != MODE_FOLLOW)
        c->verified = false;
    begin_mode(c);
}

static void reached(struct context *c)
{
    if (c->verified)
        c->stuck_times = 0;
    if (c->verified && c->trouble[0] != '\0') {
        log_write(LOG_INFO, "in order again, at change %llu", (unsigned long long)c->place.serial);
        c->trouble[0] = '\0';
    }
    beat_reached(c);
    report_due(c);
}

/* Begin to follow as soon as both sides are there, and jetond has said its place. */
static void follow_if_ready(struct context *c)
{
    if (c->mode == MODE_WAIT && c->place_known && database_is_up(c->database)) {
        go(c, MODE_FOLLOW);
        beat_poll(c);
    }
}

/* -- jetond ------------------------------------------------------------------------------------- */

static void read_count(const struct reply *reply, const char *key, uint64_t *count)
{
    const struct slice value = line_get(&reply->line, key);

    if (value.at != NULL)
        number_parse(value, INT64_MAX, count);
}

/* A jetond that follows one that was killed says how long clients may still go by the table of that one. */
static void note_believed(struct context *c, const struct reply *reply)
{
    uint64_t ms = 0;

    read_count(reply, "believed", &ms);
    c->report.believed_until =
        ms == 0 ? 0 : monotonic_ms() + (int64_t)(ms < BELIEVED_MAX_MS ? ms : BELIEVED_MAX_MS);
}

static bool was_there(const struct lease_before *b, const struct fleet_place *place)
{
    for (unsigned i = 0; i < b->count; i++)
        if (fleet_place_equal(&b->place[i], place))
            return true;
    return false;
}

static void on_place(void *unused, const struct reply *reply)
{
    struct context *c = &context;
    struct fleet_place place;

    (void)unused;
    if (reply == NULL || !reply->final)
        return;
    const struct slice text = line_get(&reply->line, "place");
    if (reply->kind != ANSWER_OK || text.at == NULL || !fleet_place_parse(text, &place)) {
        link_drop(c->link, "it does not say at which place it is: is this its socket [fleet]?");
        return;
    }
    link_works(c->link);
    read_count(reply, "tokens", &c->tokens);
    read_count(reply, "rewinds", &c->rewinds);
    read_count(reply, "waiting", &c->waiting);
    note_believed(c, reply);
    if (!c->place_known) {
        c->place = place;
        c->place_known = true;
        if (was_there(&c->before, &place))
            beat_grant_again(c, c->before.until);
        c->before.count = 0;
        c->before.until = 0;
        follow_if_ready(c);
    }
}

static void ask_place(struct context *c)
{
    static const struct slice line = SLICE("fleet place\n");

    if (link_send(c->link, line, 1, on_place, NULL))
        asked_place_at = monotonic_ms();
}

static void on_link_up(void *unused)
{
    (void)unused;
    ask_place(&context);
}

/* jetond forgets the lease when it starts.  What was earned is of the place that it had saved, or of one that this
 * agent led it to from there, and of no other. */
static void note_before(struct context *c)
{
    const bool has = c->place_known && (c->mode == MODE_FOLLOW || c->mode == MODE_WAIT);

    if (!c->place_known && c->mode == MODE_WAIT)
        return; /* nothing came of this connection */
    lease_before_add(&c->before, &c->place);
    if (!has)
        c->before.count = 0;
    c->before.until = has ? c->lease.until : 0;
}

static void on_link_down(void *unused)
{
    struct context *c = &context;

    (void)unused;
    note_before(c);
    c->place_known = false;
    c->lease = (struct lease){ 0 };
    c->beat.lease_due = false;
    go(c, MODE_WAIT);
    upward_link_down(c);
}

/* -- database ----------------------------------------------------------------------------------- */

static void on_database_up(void *unused)
{
    struct context *c = &context;

    (void)unused;
    beat_reset(c);
    groups_check(c);
    follow_if_ready(c);
    upward_database_up(c);
}

static void on_database_down(void *unused)
{
    struct context *c = &context;

    (void)unused;
    lease_forget(&c->lease);
    if (c->mode != MODE_STUCK)
        go(c, MODE_WAIT);
}

static void on_notified(void *unused)
{
    (void)unused;
    context.figures.notified++;
    if (context.mode == MODE_FOLLOW)
        feed_wake(&context);
    else if (context.mode == MODE_STUCK)
        /* What was wrong may have been mended. */
        context.stuck_until = context.stuck_least;
}

/* -- time --------------------------------------------------------------------------------------- */

static void check_stuck(struct context *c, int64_t now)
{
    if (c->mode != MODE_STUCK || now < c->stuck_until)
        return;
    go(c, MODE_WAIT);
    ask_place(c);
}

static void keep_alive(int64_t now)
{
    const int64_t watchdog = notify_watchdog();

    if (watchdog > 0 && now - alive_at >= watchdog / 4) {
        notify_send("WATCHDOG=1");
        alive_at = now;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *unused)
{
    struct context *c = &context;
    const int64_t now = monotonic_ms();

    (void)fd;
    (void)what;
    (void)unused;
    keep_alive(now);
    check_stuck(c, now);
    beat_tick(c);
    follow_if_ready(c);
    if (now - polled_at >= POLL_MS) {
        polled_at = now;
        beat_check(c);
        beat_poll(c);
        const int64_t lease = c->config->lease * 1000;
        database_check(c->database, lease < PATIENCE_MS ? lease : PATIENCE_MS);
    }
    if (now - asked_place_at >= PLACE_MS)
        ask_place(c);
    report_tick(c, now);
    upward_tick(c, now);
    touched_tick(c, now);
    metrics_tick(c, now);
}

static void on_signal(evutil_socket_t fd, short what, void *unused)
{
    (void)fd;
    (void)what;
    (void)unused;
    notify_send("STOPPING=1");
    event_base_loopbreak(context.base);
}

/* -- start -------------------------------------------------------------------------------------- */

static struct event *lasting[3];

static bool add_events(void)
{
    const struct timeval tick = { 0, TICK_MS * 1000 };

    lasting[0] = event_new(context.base, -1, EV_PERSIST, on_tick, NULL);
    lasting[1] = evsignal_new(context.base, SIGTERM, on_signal, NULL);
    lasting[2] = evsignal_new(context.base, SIGINT, on_signal, NULL);
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] == NULL || event_add(lasting[i], i == 0 ? &tick : NULL) < 0)
            return false;
    return true;
}

static bool start(const struct config *config)
{
    static const struct link_events link_events = { on_link_up, on_link_down };
    static const struct database_events database_events = { on_database_up, on_database_down,
                                                            on_notified };
    struct context *c = &context;

    *c = (struct context){
        .base = event_base_new(), .config = config, .go = go, .reached = reached
    };
    if (c->base == NULL)
        return false;
    c->link = link_new(c->base, config->socket, "changes", &link_events, NULL);
    c->database = database_new(c->base, config->database, &database_events, NULL);
    return c->link != NULL && c->database != NULL && rewind_open(c) && snapshot_open(c) &&
           upward_open(c) && add_events();
}

static void stop(void)
{
    struct context *c = &context;

    link_close(c->link);
    upward_close(c);
    snapshot_close(c);
    rewind_close(c);
    database_free(c->database);
    link_free(c->link);
    if (c->feed.later != NULL)
        event_free(c->feed.later);
    if (c->report.timer != NULL)
        event_free(c->report.timer);
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] != NULL)
            event_free(lasting[i]);
    if (c->base != NULL)
        event_base_free(c->base);
}

static void log_libevent(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        log_write(LOG_WARNING, "libevent: %s", message);
}

int agent_run(const struct config *config)
{
    const char *why;

    process_hide_secrets();
    notify_open();
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(log_libevent);
    if ((why = only_take(config->socket)) != NULL) {
        log_write(LOG_ERROR, "%s", why);
        return EXIT_FAILED;
    }
    if (!start(config)) {
        log_write(LOG_ERROR, "cannot start: %s", strerror(errno));
        return EXIT_FAILED;
    }
    sandbox_enter(config);
    log_write(LOG_INFO, "ready: jeton-fleet %s, a lease of %llds, jetond's socket %s",
              JETON_VERSION, (long long)config->lease, config->socket);
    notify_send("READY=1");
    link_start(context.link);
    upward_start(&context);
    database_start(context.database);
    event_base_loop(context.base, 0);
    log_write(LOG_INFO, "stopped");
    stop();
    return EXIT_OK;
}
