/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "plugin/gateway/connection.h"
#include "plugin/gateway/listener.h"
#include "plugin/service/monotonic.h"
#include "plugin/service/notify.h"
#include "plugin/gateway/refusal.h"
#include "plugin/gateway/reload.h"
#include "plugin/gateway/sandbox.h"
#include "plugin/gateway/unix_socket.h"
#include "plugin/service/process.h"

enum {
    TICK_MS = 250,
    TURN_NS = 1000000, /* connections that are due get so much of a turn of the loop */
    DRAIN_MS = 10000,  /* how long requests that came before SIGTERM may take */
    DESCRIPTORS = 64,  /* besides connections */
};

static struct context context;
static struct listener *listener;
static int64_t drain_until; /* 0: it does not end yet */

/* -- events ------------------------------------------------------------------------------------ */

static void on_tick(evutil_socket_t fd, short what, void *unused)
{
    static int64_t alive;
    const int64_t watchdog = notify_watchdog();

    (void)fd;
    (void)what;
    (void)unused;
    connection_check_deadlines(&context);
    reload_tick();
    if (listener != NULL)
        listener_tick(listener);
    if (watchdog > 0 && context.now - alive >= watchdog / 4) {
        notify_send("WATCHDOG=1");
        alive = context.now;
    }
}

static void on_reload(evutil_socket_t fd, short what, void *unused)
{
    (void)fd;
    (void)what;
    (void)unused;
    if (drain_until == 0)
        reload_begin();
}

static void on_stop(evutil_socket_t fd, short what, void *unused)
{
    (void)fd;
    (void)what;
    (void)unused;
    if (drain_until != 0)
        return;
    log_write(LOG_INFO, "stopping: %u connections", context.metrics.connections);
    notify_send("STOPPING=1");
    drain_until = context.now + DRAIN_MS;
    listener_close(listener);
    listener = NULL;
    connection_drain_all(&context);
}

/* The events that live as long as the process. */
static struct event *lasting[4];

static bool add_events(void)
{
    const struct timeval tick = { 0, TICK_MS * 1000 };

    lasting[0] = event_new(context.base, -1, EV_PERSIST, on_tick, NULL);
    lasting[1] = evsignal_new(context.base, SIGHUP, on_reload, NULL);
    lasting[2] = evsignal_new(context.base, SIGTERM, on_stop, NULL);
    lasting[3] = evsignal_new(context.base, SIGINT, on_stop, NULL);
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] == NULL || event_add(lasting[i], i == 0 ? &tick : NULL) < 0)
            return false;
    return true;
}

/* -- start ------------------------------------------------------------------------------------- */

/* Raise the limit of descriptors to what the connections need, as far as that is allowed. */
static void raise_descriptors(const struct config *c)
{
    const rlim_t wanted = c->max_connections + DESCRIPTORS + c->sites * 2;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        log_write(LOG_WARNING, "only %llu descriptors are allowed; max_connections needs %llu",
                  (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

static void log_faults(const struct config_faults *faults)
{
    for (unsigned i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        log_write(LOG_ERROR, "%s", faults->text[i]);
    if (faults->count > CONFIG_FAULTS_MAX)
        log_write(LOG_ERROR, "%u more faults", faults->count - CONFIG_FAULTS_MAX);
}

static void check_group(const char *key, const char *path, const char *group,
                        struct config_faults *faults)
{
    gid_t gid;

    if (path[0] != '\0' && !unix_socket_group(group, &gid))
        config_blame(faults,
                     "[gateway] %s: there is no group %s on this machine; make it (groupadd "
                     "--system %s) or name another",
                     key, group, group);
}

static void check_groups(const struct config *c, struct config_faults *faults)
{
    check_group("group", c->path, c->group, faults);
    check_group("admin_group", c->admin, c->admin_group, faults);
}

static bool start_loop(const struct config_source *source)
{
    return context.base != NULL && rules_attach(context.rules, context.base) &&
           reload_init(&context, source) && add_events() && listener_start(listener, &context);
}

/* Return the exit status of a start that fails, or EXIT_OK. */
static int start(const struct config_source *source, const struct listen_fds *inherited,
                 struct config_faults *faults)
{
    context.rules = rules_load(source, faults);
    if (context.rules == NULL)
        return EXIT_WRONG_CONFIG;
    const struct config *c = &context.rules->config;
    if (inherited->count == 0)
        check_groups(c, faults);
    if (faults->count > 0)
        return EXIT_WRONG_CONFIG;
    log_set_level(c->log_level);
    raise_descriptors(c);
    context.base = event_base_new();
    context.now = monotonic_ms();
    context.metrics.started = time(NULL);
    peers_init(&context.peers);
    TAILQ_INIT(&context.connections);
    listener = listener_open(c, inherited, faults);
    if (listener == NULL)
        return EXIT_FAILED;
    if (start_loop(source))
        return EXIT_OK;
    config_blame(faults, "the event loop cannot be started: %s", strerror(errno));
    return EXIT_FAILED;
}

/* Take turns between what the kernel reports and what is due, so that a user who has just sent
 * something waits for one turn, not for all that others have sent. */
static void loop(void)
{
    while (drain_until == 0 || (context.metrics.connections > 0 && context.now < drain_until)) {
        const int flags = EVLOOP_ONCE | (peers_due(&context.peers) ? EVLOOP_NONBLOCK : 0);
        if (event_base_loop(context.base, flags) < 0)
            return;
        context.now = monotonic_ms();
        peers_run(&context.peers, TURN_NS);
    }
}

static void stop(void)
{
    connection_close_all(&context);
    listener_close(listener);
    if (!reload_end())
        _exit(EXIT_OK);
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] != NULL)
            event_free(lasting[i]);
    if (context.base != NULL)
        event_base_free(context.base);
}

static void log_libevent(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        log_write(LOG_WARNING, "libevent: %s", message);
}

int gateway_run(const struct config_source *source, const struct listen_fds *inherited)
{
    static struct config_faults faults;

    process_hide_secrets();
    notify_open();
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(log_libevent);
    int status = start(source, inherited, &faults);
    if (status != EXIT_OK) {
        log_faults(&faults);
        notify_send("STATUS=cannot start: its log says why");
        refusal_serve(inherited);
        return status;
    }
    const struct config *c = &context.rules->config;
    sandbox_enter(c, source);
    log_write(LOG_INFO, "ready: jeton-gateway %s, %u site%s, the daemon's socket %s", JETON_VERSION,
              c->sites, c->sites == 1 ? "" : "s", c->socket);
    notify_send("READY=1");
    loop();
    stop();
    return EXIT_OK;
}

/* -- check ------------------------------------------------------------------------------------- */

int gateway_check(const struct config_source *source)
{
    static struct config_faults faults;
    struct rules *rules = rules_load(source, &faults);

    if (rules != NULL)
        check_groups(&rules->config, &faults);
    log_faults(&faults);
    if (faults.count == 0)
        printf("configuration: OK, %u site%s\n", rules->config.sites,
               rules->config.sites == 1 ? "" : "s");
    rules_free(rules);
    return faults.count == 0 ? EXIT_OK : EXIT_WRONG_CONFIG;
}
