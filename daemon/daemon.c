/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/config/policy_resolve.h"
#include "daemon/net/listener.h"
#include "daemon/net/worker_thread.h"
#include "daemon/process/host_limits.h"
#include "daemon/process/memory_return.h"
#include "daemon/process/memory_watch.h"
#include "daemon/process/watchdog.h"
#include "daemon/reload/reload.h"
#include "daemon/sandbox/privilege.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/store/store_saving.h"
#include "daemon/verify/stack_set.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/writer/ban_load.h"
#include "daemon/writer/fleet_load.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/writer_thread.h"

struct daemon {
    struct config config;
    struct daemon_environment *environment;
    struct server server;
    struct memory_watch memory_watch;
    struct watchdog watchdog;
    struct policies *policies; /* until the writer has them */
    struct writer *writer;
    struct writer_thread *writer_thread;
    struct listener *listener;
    struct reload reload;
    size_t running; /* workers whose threads were started */
    sigset_t handled;
    int signals; /* signalfd; -1: not open */
    struct event_base *base;
    struct event *on_signal;
    struct event *on_tick;
};

static void set_signals(struct daemon *s);
static bool confine(struct daemon *s, struct problem *problem);
static bool open_store(struct daemon *s, struct problem *problem);
static bool load_verifiers(struct daemon *s, struct problem *problem);
static bool start_threads(struct daemon *s);
static bool start_events(struct daemon *s);
static bool start_listening(struct daemon *s);
static void serve(struct daemon *s);
static void stop(struct daemon *s);

/* -- start ----------------------------------------------------------------------------------- */

/* The sockets exist once the daemon is confined; who connects while the store is loaded waits. */
static bool start(struct daemon *s, struct problem *problem)
{
    set_signals(s);
    if (!confine(s, problem) || !open_store(s, problem) || !load_verifiers(s, problem))
        return false;
    if (start_threads(s) && start_events(s) && start_listening(s))
        return true;
    problem_set(problem, STATUS_INTERNAL, "cannot start: see above, or no memory or threads");
    return false;
}

bool daemon_run(const struct config *c, struct daemon_environment *environment,
                struct problem *problem)
{
    struct daemon *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return false;
    }
    s->signals = -1;
    s->config = *c;
    s->environment = environment;
    memory_watch_begin(&s->memory_watch);
    bool started = start(s, problem);
    if (started)
        serve(s);
    stop(s);
    return started;
}

/* Block the signals in all threads; this one reads them from a descriptor. */
static void set_signals(struct daemon *s)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* exceeding a file size limit is then an error, not the end */
    sigemptyset(&s->handled);
    sigaddset(&s->handled, SIGTERM);
    sigaddset(&s->handled, SIGINT);
    sigaddset(&s->handled, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &s->handled, NULL);
}

/* Do all that needs the rights of whoever started this, then give them up. */
static bool confine(struct daemon *s, struct problem *problem)
{
    const struct config *c = &s->config;
    struct resolved resolved;

    if (!resolve_config(c, &resolved, problem) || !privilege_prepare(c, &resolved, problem))
        return false;
    s->listener = listener_open(c, &resolved, &s->environment->inherited, problem);
    if (s->listener == NULL || !privilege_drop(c, &resolved, problem))
        return false;
    sandbox_secrets(); /* again: changing the user makes a process dumpable */
    sandbox_files(c);
    log_start();
    settings_apply(&s->server.settings, c, resolved.table_gid);
    s->policies = policies_copy(&c->policies, resolved.exempt_import);
    if (s->policies == NULL)
        problem_set(problem, STATUS_INTERNAL, "no memory");
    return s->policies != NULL;
}

static bool listens(const struct daemon *s, enum role role)
{
    return s->config.role[role].paths > 0 ||
           (listen_fds_roles(&s->environment->inherited) & 1u << role) != 0;
}

/* Load what the fleet has, if the host is in one. */
static bool open_fleet(struct daemon *s, struct problem *problem)
{
    if (!listens(s, ROLE_FLEET)) {
        fleet_load_warn_unused(s->config.store);
        return true;
    }
    /* What the fleet changes at once may be more than what anybody here does. */
    if (!fleet_load(s->writer, s->config.store, 2 * s->config.log_size, problem))
        return false;
    s->server.fleet_status = s->writer->fleet->status;
    s->writer->fleet_up = fleet_up_new(s->writer->fleet, problem);
    return s->writer->fleet_up != NULL;
}

static bool open_store(struct daemon *s, struct problem *problem)
{
    struct store *store = store_open(s->config.store, STORE_WRITE, problem);

    if (store == NULL)
        return false;
    s->writer = calloc(1, sizeof(*s->writer));
    if (s->writer != NULL &&
        writer_init(s->writer, store, s->config.prefix, s->config.journal_entries, problem)) {
        s->server.token_table = s->writer->token_table;
        s->server.write_queue = s->writer->queue;
        write_queue_set_policies(s->writer->queue, s->policies);
        s->policies = NULL;
        return store_use_log(store, s->config.log ? s->config.log_size : 0, problem) &&
               open_fleet(s, problem);
    }
    if (s->writer == NULL)
        problem_set(problem, STATUS_INTERNAL, "no memory");
    free(s->writer);
    s->writer = NULL;
    store_close(store);
    return false;
}

static bool load_verifiers(struct daemon *s, struct problem *problem)
{
    struct server *server = &s->server;

    memcpy(server->settings.prefix, s->config.prefix, sizeof(server->settings.prefix));
    server->started = clock_wall();
    size_t workers = host_limits_workers(&s->config) + (server->fleet_status != NULL);
    metrics_init(&server->metrics, workers);
    server->stack_set = stack_set_new(workers, &s->config, &server->metrics, problem);
    return server->stack_set != NULL && ((!stacks_identify(server->stack_set->current) &&
                                          !digest_scheme_has_sha256(server->token_table)) ||
                                         ban_load_all(s->writer, problem));
}

static bool start_workers(struct daemon *s)
{
    struct server *server = &s->server;
    size_t wanted = server->stack_set->readers; /* the host may have more processors by now */

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

/* Where users look after their own tokens: find these, and the users' names. */
static bool prepare_self(struct daemon *s)
{
    static const struct user_names_settings names = { .threads = 4, .seconds = 3, .none = 3 };
    struct writer *w = s->writer;

    if (!listens(s, ROLE_SELF))
        return true;
    s->server.user_names = user_names_new(&names);
    return s->server.user_names != NULL &&
           subject_index_build(&w->subjects, &w->index, w->token_table);
}

static bool start_threads(struct daemon *s)
{
    struct server *server = &s->server;

    if (!prepare_self(s))
        return false;
    s->writer_thread = writer_thread_new(s->writer, &server->settings, s->config.store);
    return s->writer_thread != NULL && writer_thread_start(s->writer_thread) == 0 &&
           start_workers(s);
}

static bool start_listening(struct daemon *s)
{
    struct server *server = &s->server;

    server->client_limit = client_limit_new(host_limits_connections(&s->config, server->workers),
                                            s->config.max_connections_per_uid);
    return server->client_limit != NULL && listener_start(s->listener, server, s->base);
}

static void serve(struct daemon *s)
{
    sandbox_calls(&s->config, stacks_may_connect(s->server.stack_set->current));
    memory_return_begin();
    log_info("ready: jetond " JETON_VERSION ", %llu tokens, %zu workers, store %s",
             (unsigned long long)token_table_figures(s->server.token_table).tokens,
             server_workers(&s->server), s->config.store);
    watchdog_ready(&s->watchdog);
    memory_watch_look(&s->memory_watch, &s->server);
    event_base_dispatch(s->base);
    sd_notify_stopping(&s->environment->notify);
    log_info("stopping");
}

/* -- stop: after a start that failed, too ---------------------------------------------------- */

/* Stop those that make changes before the one that saves them. */
static void stop_threads(struct daemon *s)
{
    struct server *server = &s->server;

    for (size_t i = 0; i < s->running; i++)
        worker_stop(&server->worker[i]);
    if (server->write_queue != NULL)
        write_queue_end_waiting(server->write_queue);
    for (size_t i = 0; i < s->running; i++)
        worker_join(&server->worker[i]);
    writer_thread_stop(s->writer_thread);
    s->environment->threads_left = !stack_set_end(server->stack_set);
    if (s->environment->threads_left)
        log_warning("verify: a verifier has not returned; jetond ends without it");
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

static void stop_events(struct daemon *s)
{
    free_event(s->on_signal);
    free_event(s->on_tick);
    watchdog_end(&s->watchdog);
    if (s->signals >= 0)
        close(s->signals);
    if (s->base != NULL)
        event_base_free(s->base);
}

/* A reload that hangs goes on using what is not freed then. */
static void stop(struct daemon *s)
{
    struct server *server = &s->server;
    bool ended = reload_end(&s->reload);

    listener_close(s->listener);
    memory_watch_end(&s->memory_watch);
    stop_threads(s);
    if (server->token_table != NULL)
        token_table_close(server->token_table);
    for (size_t i = 0; i < server->workers; i++)
        worker_free(&server->worker[i]);
    if (!user_names_free(server->user_names)) {
        s->environment->threads_left = true;
        log_warning("self: the look-up of a name has not returned; jetond ends without it");
    }
    if (ended)
        stack_set_free(server->stack_set);
    if (!writer_thread_free(s->writer_thread)) {
        s->environment->threads_left = true;
        log_warning("names: the name service has not answered; jetond ends without it");
    }
    if (s->writer != NULL)
        writer_destroy(s->writer);
    stop_events(s);
    client_limit_free(server->client_limit);
    free(server->worker);
    free(s->writer);
    free(s->policies);
    if (!ended) {
        s->environment->threads_left = true;
        log_warning("config: a reload has not returned; jetond ends without it");
        return;
    }
    metrics_free(&server->metrics);
    free(s);
}

/* -- the main loop --------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t fd, short what, void *daemon)
{
    struct daemon *s = daemon;
    struct signalfd_siginfo info;

    (void)what;
    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        reload_begin(&s->reload);
    else
        event_base_loopbreak(s->base);
}

/* Renew the lease in this thread, because it never waits for the disk. */
static void on_tick(evutil_socket_t fd, short what, void *daemon)
{
    struct daemon *s = daemon;

    (void)fd;
    (void)what;
    token_table_renew_lease(s->server.token_table);
    reload_tick(&s->reload);
    memory_watch_tick(&s->memory_watch, &s->server);
    if (s->server.user_names != NULL)
        user_names_tick(s->server.user_names);
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
    s->reload.config = &s->config;
    s->reload.source = &s->environment->source;
    s->reload.notify = &s->environment->notify;
    s->reload.watchdog = &s->watchdog;
    s->reload.server = &s->server;
    return s->on_signal != NULL && s->on_tick != NULL && reload_init(&s->reload, s->base) &&
           event_add(s->on_signal, NULL) == 0 && event_add(s->on_tick, &second) == 0 &&
           watchdog_start(&s->watchdog, &s->server, &s->environment->notify, s->base);
}
