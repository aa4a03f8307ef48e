/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/session/cmd_info.h"
#include "daemon/base/clock.h"
#include "daemon/memory_watch.h"
#include "daemon/net/listener.h"
#include "daemon/base/log.h"
#include "daemon/sandbox/privilege.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/verify/stack_set.h"
#include "daemon/watchdog.h"
#include "daemon/net/worker_thread.h"

enum {
    WORKERS_AUTOMATIC_MAX = 4,
    DESCRIPTORS_OWN = 48,
    DESCRIPTORS_A_WORKER = 4,
    GROWTH_TICKS = 5,
    SETTLE_MICROSECONDS = 2000, /* how often it is looked whether all use a new configuration */
};

struct daemon {
    struct config config;
    struct daemon_environment *start;
    service_configure *configure;
    struct server server;
    struct stack_set stack_set;
    struct memory_watch growth;
    unsigned ticks;
    bool reload_again; /* SIGHUP came while the last one is being carried out */
    struct writer *writer;
    struct event_base *base;
    struct listener *listener;
    sigset_t handled;
    int signals; /* signalfd; -1: not yet */
    struct event *on_signal;
    struct event *on_tick;
    struct event *on_settle;
    struct watchdog watchdog;
    size_t running; /* workers */
    bool keeping;   /* the writer_thread owns the writer's thread */
};

static void set_signals(struct daemon *s);
static bool confine(struct daemon *s, struct problem *problem);
static bool load(struct daemon *s, struct problem *problem);
static bool start_threads(struct daemon *s, struct problem *problem);
static bool start_events(struct daemon *s);
static void serve(struct daemon *s);
static void stop(struct daemon *s);
static void on_settle(evutil_socket_t fd, short what, void *service);

/* -- the machine's limits -------------------------------------------------------------------- */

/* As many connections as there are descriptors for, and no more than configured. */
static uint64_t connections_possible(const struct daemon *s, const struct config *c)
{
    uint64_t own = DESCRIPTORS_OWN + CLIENT_LIMIT_ADMIN_PLACES +
                   DESCRIPTORS_A_WORKER * s->server.workers;
    uint64_t wanted = c->max_connections + own;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return c->max_connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return c->max_connections;
    uint64_t possible = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    log_warning("max_connections is %llu instead of %llu: the limit of open files is %llu",
                (unsigned long long)possible, (unsigned long long)c->max_connections,
                (unsigned long long)limit.rlim_cur);
    return possible;
}

static size_t workers_wanted(const struct config *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (c->workers > 0)
        return c->workers;
    if (cpus < 1)
        return 1;
    return cpus < WORKERS_AUTOMATIC_MAX ? (size_t)cpus : WORKERS_AUTOMATIC_MAX;
}

/* -- from start to stop ---------------------------------------------------------------------- */

bool daemon_run(const struct config *c, service_configure *configure,
                struct daemon_environment *start, struct problem *problem)
{
    struct daemon *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return false;
    }
    s->signals = -1;
    s->config = *c;
    s->configure = configure;
    s->start = start;
    memory_watch_begin(&s->growth);
    set_signals(s);
    bool started = confine(s, problem) && load(s, problem) && start_threads(s, problem);
    if (started)
        serve(s);
    stop(s);
    return started;
}

/* All that needs the rights of whoever started this, then without them: the sockets are there from
 * here on, and clients wait. */
static bool confine(struct daemon *s, struct problem *problem)
{
    const struct config *c = &s->config;
    struct resolved site;

    if (!resolve_config(c, &site, problem) || !privilege_prepare(c, &site, problem))
        return false;
    s->listener = listener_open(c, &site, &s->start->inherited, problem);
    if (s->listener == NULL || !privilege_drop(c, &site, problem))
        return false;
    sandbox_secrets(); /* again: a change of user makes a process dumpable */
    sandbox_files(c);
    settings_apply(&s->server.settings, c, site.table_gid);
    return true;
}

/* What is handled is blocked in all threads, and read from a descriptor by this one. */
static void set_signals(struct daemon *s)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an error, not the end */
    sigemptyset(&s->handled);
    sigaddset(&s->handled, SIGTERM);
    sigaddset(&s->handled, SIGINT);
    sigaddset(&s->handled, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &s->handled, NULL);
}

static bool load(struct daemon *s, struct problem *problem)
{
    struct store *store = store_open(s->config.store, STORE_WRITE, problem);

    if (store == NULL)
        return false;
    s->writer = calloc(1, sizeof(*s->writer));
    if (s->writer != NULL &&
        writer_init(s->writer, store, s->config.prefix, s->config.journal_entries, problem)) {
        s->server.token_table = s->writer->token_table;
        return true;
    }
    if (s->writer == NULL)
        problem_set(problem, STATUS_INTERNAL, "no memory");
    free(s->writer);
    s->writer = NULL;
    store_close(store);
    return false;
}

static bool start_workers(struct daemon *s)
{
    struct server *server = &s->server;
    size_t wanted = workers_wanted(&s->config);

    server->worker = calloc(wanted, sizeof(*server->worker));
    if (server->worker == NULL)
        return false;
    for (; server->workers < wanted; server->workers++)
        if (worker_init(&server->worker[server->workers], server, (unsigned)server->workers) < 0)
            return false;
    for (; s->running < wanted; s->running++)
        if (worker_start(&server->worker[s->running]) < 0)
            return false;
    return true;
}

static bool start_threads(struct daemon *s, struct problem *problem)
{
    struct server *server = &s->server;

    snprintf(server->settings.prefix, sizeof(server->settings.prefix), "%s", s->config.prefix);
    server->started = clock_wall();
    metrics_init(&server->metrics, workers_wanted(&s->config));
    if (!stack_set_begin(&s->stack_set, server, &s->config, problem))
        return false;
    server->writer_thread = writer_thread_new(s->writer, &server->settings, s->config.store);
    s->keeping = server->writer_thread != NULL && writer_thread_start(server->writer_thread) == 0;
    bool well = s->keeping && start_workers(s);
    if (well)
        server->client_limit = client_limit_new(connections_possible(s, &s->config),
                                                s->config.max_connections_per_uid);
    well = well && server->client_limit != NULL && start_events(s) &&
           listener_start(s->listener, server, s->base);
    if (!well)
        problem_set(problem, STATUS_INTERNAL, "no memory, threads or descriptors to start with");
    return well;
}

static void serve(struct daemon *s)
{
    sandbox_calls(&s->config);
    log_info("ready: jetond " JETON_VERSION ", %llu tokens, %zu workers, store %s",
             (unsigned long long)token_table_figures(s->server.token_table).tokens,
             s->server.workers, s->config.store);
    watchdog_ready(&s->watchdog);
    memory_watch_look(&s->growth, &s->server);
    event_base_dispatch(s->base);
    sd_notify_stopping(&s->start->notify);
    log_info("stopping");
}

static void stop(struct daemon *s)
{
    struct server *server = &s->server;

    listener_close(s->listener);
    memory_watch_end(&s->growth);
    for (size_t i = 0; i < s->running; i++)
        worker_stop(&server->worker[i]);
    for (size_t i = 0; i < s->running; i++)
        worker_join(&server->worker[i]);
    if (s->keeping)
        writer_thread_stop(server->writer_thread);
    stack_set_end(&s->stack_set);
    if (server->token_table != NULL)
        token_table_close(server->token_table);
    for (size_t i = 0; i < server->workers; i++)
        worker_free(&server->worker[i]);
    stack_set_free(&s->stack_set);
    writer_thread_free(server->writer_thread);
    if (s->writer != NULL)
        writer_destroy(s->writer);
    if (s->on_signal != NULL)
        event_free(s->on_signal);
    if (s->on_tick != NULL)
        event_free(s->on_tick);
    if (s->on_settle != NULL)
        event_free(s->on_settle);
    watchdog_end(&s->watchdog);
    if (s->signals >= 0)
        close(s->signals);
    if (s->base != NULL)
        event_base_free(s->base);
    client_limit_free(server->client_limit);
    metrics_free(&server->metrics);
    free(server->worker);
    free(s->writer);
    free(s);
}

/* -- the main loop --------------------------------------------------------------------------- */

/* What cannot change while running is compared as bytes: configurations begin all zeros. */
static bool needs_restart(const struct config *a, const struct config *b)
{
    return strcmp(a->store, b->store) != 0 || strcmp(a->prefix, b->prefix) != 0 ||
           strcmp(a->user, b->user) != 0 || a->sandbox != b->sandbox || a->network != b->network ||
           a->workers != b->workers || memcmp(a->role, b->role, sizeof(a->role)) != 0;
}

/* It is not over before all workers go by it: see on_settle(). */
static void reload(struct daemon *s)
{
    struct problem problem;
    struct config c;
    struct resolved site;

    sd_notify_reloading(&s->start->notify);
    if (!s->stack_set.settled) {
        s->reload_again = true;
        return;
    }
    if (!s->configure(&c, &problem) || !resolve_config(&c, &site, &problem) ||
        !stack_set_replace(&s->stack_set, &c, &problem)) {
        log_error("the configuration stays as it was: %s", problem.message);
        if (sandbox_protections().landlock_abi > 0 && strstr(problem.message, strerror(EACCES)))
            log_info("what lies elsewhere than what was named at start is out of reach until a "
                     "restart ([daemon] sandbox)");
        watchdog_ready(&s->watchdog);
        return;
    }
    if (needs_restart(&s->config, &c))
        log_warning("store, workers, prefix, user, sandbox, network and sockets change only with "
                    "a restart");
    log_set_level(c.log_level);
    settings_apply(&s->server.settings, &c, site.table_gid);
    client_limit_set(s->server.client_limit, connections_possible(s, &c),
                     c.max_connections_per_uid);
    on_settle(-1, 0, s);
}

static void on_settle(evutil_socket_t fd, short what, void *service)
{
    const struct timeval soon = { .tv_usec = SETTLE_MICROSECONDS }, later = { .tv_sec = 1 };
    struct daemon *s = service;

    (void)fd;
    (void)what;
    if (!stack_set_step(&s->stack_set)) {
        event_add(s->on_settle, s->stack_set.settled ? &later : &soon);
        return;
    }
    log_info("configuration reloaded");
    watchdog_ready(&s->watchdog);
    if (s->reload_again) {
        s->reload_again = false;
        reload(s);
    }
}

static void on_signal(evutil_socket_t fd, short what, void *service)
{
    struct daemon *s = service;
    struct signalfd_siginfo info;

    (void)what;
    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        reload(s);
    else
        event_base_loopbreak(s->base);
}

/* The lease is renewed here because this thread never waits for the disk. */
static void on_tick(evutil_socket_t fd, short what, void *service)
{
    struct daemon *s = service;

    (void)fd;
    (void)what;
    token_table_renew(s->server.token_table);
    if (s->stack_set.settled && !s->stack_set.recall)
        stack_set_step(&s->stack_set);
    if (s->ticks++ % GROWTH_TICKS == 0)
        memory_watch_look(&s->growth, &s->server);
    if (s->listener != NULL)
        listener_tick(s->listener);
    for (size_t i = 0; i < s->running; i++)
        worker_tick(&s->server.worker[i]);
    watchdog_tick(&s->watchdog);
}

static bool start_events(struct daemon *s)
{
    const struct timeval second = { .tv_sec = 1 };

    s->base = event_base_new();
    if (s->base == NULL)
        return false;
    s->signals = signalfd(-1, &s->handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0)
        return false;
    s->on_signal = event_new(s->base, s->signals, EV_READ | EV_PERSIST, on_signal, s);
    s->on_tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    s->on_settle = event_new(s->base, -1, 0, on_settle, s);
    return s->on_signal != NULL && s->on_tick != NULL && s->on_settle != NULL &&
           event_add(s->on_signal, NULL) == 0 && event_add(s->on_tick, &second) == 0 &&
           watchdog_start(&s->watchdog, &s->server, &s->start->notify, s->base);
}
