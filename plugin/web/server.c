/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/server.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/web/announce.h"
#include "plugin/web/browser.h"
#include "plugin/web/clock.h"
#include "plugin/web/listener.h"
#include "plugin/web/log.h"
#include "plugin/web/peer.h"
#include "plugin/web/sandbox.h"
#include "proto/stamp.h"

enum { TICK_MS = 100, BROWSER_FILE_MS = 60000, FAULT_SIZE = 1024 };

static struct context context;
static struct listener listener;
static int64_t started;          /* when; clock_ms() */
static const char *ended = NULL; /* why */

/* -- events ------------------------------------------------------------------------------------ */

/* Log what others try, once a minute at most. */
static void report(int64_t now)
{
    const uint64_t wrong = slowdown_report(&context.slowdown, now);

    if (wrong > 0)
        log_write("%llu request%s with a wrong secret, refused", (unsigned long long)wrong,
                  wrong == 1 ? "" : "s");
    strangers_report(&context.strangers, now);
}

static void end(const char *why)
{
    ended = why;
    event_base_loopbreak(context.base);
}

static void on_tick(evutil_socket_t fd, short what, void *unused)
{
    const int64_t now = clock_ms();

    (void)fd;
    (void)what;
    (void)unused;
    connection_tick(&context);
    listener_tick(&listener);
    report(now);
    if (browser_file() != NULL && (context.used || now - started >= BROWSER_FILE_MS))
        browser_forget();
    if (connection_is_late(&context, now))
        end("nobody has used it");
}

static void on_stop(evutil_socket_t fd, short what, void *unused)
{
    (void)fd;
    (void)what;
    (void)unused;
    end("stopped");
}

/* The events that live as long as the process. */
static struct event *lasting[4];

static bool start_loop(int fd)
{
    const struct timeval tick = { 0, TICK_MS * 1000 };

    TAILQ_INIT(&context.connections);
    context.base = event_base_new();
    if (context.base == NULL)
        return false;
    lasting[0] = event_new(context.base, -1, EV_PERSIST, on_tick, NULL);
    lasting[1] = evsignal_new(context.base, SIGINT, on_stop, NULL);
    lasting[2] = evsignal_new(context.base, SIGTERM, on_stop, NULL);
    lasting[3] = evsignal_new(context.base, SIGHUP, on_stop, NULL);
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] == NULL || event_add(lasting[i], i == 0 ? &tick : NULL) < 0)
            return false;
    return listener_start(&listener, &context, fd);
}

static void stop(const struct settings *s)
{
    connection_close_all(&context);
    listener_close(&listener);
    address_remove(&s->address);
    browser_forget();
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (lasting[i] != NULL)
            event_free(lasting[i]);
    if (context.base != NULL)
        event_base_free(context.base);
    page_free((struct page *)context.rules.page);
    secret_free((struct secret *)context.rules.secret);
}

/* -- start ------------------------------------------------------------------------------------- */

static bool load(const struct settings *s)
{
    char fault[FAULT_SIZE];

    context.rules.page = page_load(s->page, fault, sizeof(fault));
    if (context.rules.page != NULL &&
        daemon_socket_open(&context.daemon, s->socket, fault, sizeof(fault)) == 0)
        context.rules.secret = secret_new();
    else
        log_write("%s", fault);
    return context.rules.secret != NULL;
}

/* Log whether others are kept out, and at what cost. */
static void log_sight(enum peer_sight sight)
{
    if (sight == PEER_HIDDEN)
        log_write("the kernel does not show who connects: only the secret keeps other users out");
    if (sight == PEER_TABLE)
        log_write(
            "who connects is read from /proc/net/tcp, as there is no sock_diag(7): requests take "
            "longer where there are many connections");
}

static int listen_on(struct settings *s)
{
    int fd = address_listen(&s->address);

    if (fd < 0 && address_is_local(&s->address))
        log_write("cannot listen on %s: %s", s->address.local.sun_path, strerror(-fd));
    else if (fd < 0)
        log_write("cannot listen on %s:%u: %s", address_host(&s->address),
                  address_port(&s->address), strerror(-fd));
    if (s->origin.len == 0)
        origin_loopback(&s->origin, address_host(&s->address), address_port(&s->address));
    context.rules.origin = &s->origin;
    return fd;
}

/* Print the link and open it.  False: it cannot be printed. */
static bool announce(const struct settings *s)
{
    char link[ANNOUNCE_LINK_MAX];
    struct text t = text_in(link, sizeof(link));

    announce_put_link(&t, s, context.rules.secret);
    const bool terminal = isatty(STDOUT_FILENO), printed = announce_link(text_slice(&t));
    if (!printed)
        log_write("the link cannot be written to standard output");
    else
        announce_people(s, &context.daemon);
    if (printed && s->browser && terminal) /* who reads a pipe does what is wanted with the link */
        browser_open(text_slice(&t));
    sodium_memzero(link, sizeof(link));
    return printed;
}

/* Serve once all is open. */
static void serve(const struct settings *s)
{
    const char *const removable[] = {
        browser_file(),
        address_is_local(&s->address) ? s->address.local.sun_path : NULL,
    };

    sandbox_enter(removable, sizeof(removable) / sizeof(removable[0]));
    started = context.active = clock_ms();
    context.idle_ms = s->idle * 1000;
    if (event_base_dispatch(context.base) < 0)
        ended = "the event loop failed";
    log_write("ended: %s; the link is of no use any more", ended != NULL ? ended : "nothing to do");
}

int server_run(struct settings *s)
{
    sandbox_hide();
    signal(SIGPIPE, SIG_IGN);
    int fd = load(s) ? listen_on(s) : -1;
    if (fd < 0)
        return EXIT_UNAVAILABLE;
    log_sight(peer_open(fd));
    bool ok = start_loop(fd);
    if (!ok)
        log_write("the event loop cannot be started: %s", strerror(errno));
    ok = ok && announce(s);
    if (ok)
        serve(s);
    stop(s);
    return ok ? EXIT_OK : EXIT_UNAVAILABLE;
}
