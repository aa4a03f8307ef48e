/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/gateway/connection.h"
#include "plugin/gateway/unix_socket.h"
#include "plugin/http/response.h"

enum { BACKLOG = 1024, ACCEPTS = 64 }; /* ACCEPTS: connections per event */

struct listening {
    struct listener *listener;
    struct event *event;
    int fd;
    enum side side;
    bool tcp;
    bool paused;                  /* out of descriptors; until the next tick */
    bool inherited;               /* not ours to remove */
    struct unix_socket_file file; /* of what was created here */
};

struct listener {
    struct context *context;
    unsigned count;
    struct listening socket[LISTEN_FDS_MAX + 3];
};

static struct listening *add(struct listener *l, int fd, enum side side)
{
    struct listening *s = &l->socket[l->count++];

    *s = (struct listening){ .listener = l, .fd = fd, .side = side };
    return s;
}

static bool is_tcp(int fd)
{
    int domain = AF_UNIX;
    socklen_t len = sizeof(domain);

    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain != AF_UNIX;
}

/* -- opening ----------------------------------------------------------------------------------- */

static bool open_unix(struct listener *l, enum side side, const char *path, unsigned mode,
                      const char *group, struct config_faults *faults)
{
    struct unix_socket_file file;
    char fault[CONFIG_FAULT_SIZE];

    if (path[0] == '\0')
        return true;
    int fd = unix_socket_listen(path, mode, group, BACKLOG, &file, fault, sizeof(fault));
    if (fd < 0) {
        config_blame(faults, "%s", fault);
        return false;
    }
    add(l, fd, side)->file = file;
    return true;
}

static bool open_tcp(struct listener *l, const struct config *c, struct config_faults *faults)
{
    const int yes = 1;

    if (c->tcp_len == 0)
        return true;
    int fd = socket(c->tcp.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        add(l, fd, SIDE_HTTP)->tcp = true;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    }
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&c->tcp, c->tcp_len) == 0 &&
        listen(fd, BACKLOG) == 0)
        return true;
    config_blame(faults, "the address of tcp= cannot be listened on: %s", strerror(errno));
    return false;
}

static bool has_side(const struct listen_fds *inherited, enum side side)
{
    for (unsigned i = 0; i < inherited->count; i++)
        if (inherited->socket[i].side == side)
            return true;
    return false;
}

struct listener *listener_open(const struct config *c, const struct listen_fds *inherited,
                               struct config_faults *faults)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        config_blame(faults, "no memory");
        return NULL;
    }
    for (unsigned i = 0; i < inherited->count; i++) {
        struct listening *s = add(l, inherited->socket[i].fd, inherited->socket[i].side);
        s->inherited = true;
        s->tcp = is_tcp(s->fd);
    }
    bool ok = has_side(inherited, SIDE_HTTP) ||
              open_unix(l, SIDE_HTTP, c->path, c->mode, c->group, faults);
    ok = ok && (has_side(inherited, SIDE_ADMIN) ||
                open_unix(l, SIDE_ADMIN, c->admin, c->admin_mode, c->admin_group, faults));
    ok = ok && open_tcp(l, c, faults);
    if (ok && l->count > 0)
        return l;
    if (ok)
        config_blame(faults, "no socket to listen on: set path or tcp in [gateway]");
    listener_close(l);
    return NULL;
}

void listener_close(struct listener *l)
{
    for (unsigned i = 0; l != NULL && i < l->count; i++) {
        struct listening *s = &l->socket[i];
        if (s->event != NULL)
            event_free(s->event);
        if (s->fd >= 0)
            close(s->fd);
        if (!s->inherited)
            unix_socket_remove(&s->file);
    }
    free(l);
}

/* -- connections ------------------------------------------------------------------------------- */

/* Answer that there are too many, and close. */
static void reject(struct context *context, int fd, struct peer *peer)
{
    char bytes[256];
    struct text t = text_in(bytes, sizeof(bytes));

    http_response_plain(&t, 503, NULL, (struct slice){ "", 0 }, true, HTTP_CLOSE);
    send(fd, t.at, t.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    context->metrics.refused++;
    if (peer != NULL)
        peers_forget(&context->peers, peer);
}

static bool read_uid(const struct listening *s, int fd, uid_t *uid)
{
    struct ucred credentials;
    socklen_t len = sizeof(credentials);

    *uid = PEERS_TCP;
    if (s->tcp)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
        return false;
    *uid = credentials.uid;
    return true;
}

/* Find a place, if need be at the cost of who has most. */
static bool has_place(struct context *context, struct peer *peer)
{
    const struct config *c = &context->rules->config;

    if (peer->connections >= c->max_connections_per_uid)
        return false;
    if (context->metrics.connections < c->max_connections)
        return true;
    struct peer *greatest = peers_greatest(&context->peers);
    return greatest != NULL && greatest->connections > peer->connections + 1 &&
           connection_shed(context, greatest);
}

static void admit(struct listening *s, int fd)
{
    struct context *context = s->listener->context;
    struct peer *peer = NULL;
    const int yes = 1;
    uid_t uid;

    if (!read_uid(s, fd, &uid) || (peer = peers_find(&context->peers, uid)) == NULL ||
        !has_place(context, peer) || !connection_new(context, fd, s->side, peer)) {
        reject(context, fd, peer);
        return;
    }
    if (s->tcp)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    context->metrics.accepted++;
}

/* Without descriptors, wait until the next tick: a level-triggered event that cannot be dealt with
 * would use a CPU. */
static void on_connect(evutil_socket_t fd, short what, void *listening)
{
    struct listening *s = listening;

    (void)what;
    for (int i = 0; i < ACCEPTS; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            admit(s, accepted);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            s->paused = true;
            event_del(s->event);
        }
        return;
    }
}

/* Log where clients find the gateway. */
static void log_address(const struct listening *s)
{
    const char *whom = s->side == SIDE_ADMIN ? "monitoring" : "proxies";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(address) - 1;

    if (s->tcp)
        log_write(LOG_INFO, "listening for %s on TCP", whom);
    else if (getsockname(s->fd, (struct sockaddr *)&address, &len) == 0)
        log_write(LOG_INFO, "listening for %s on %s", whom, address.sun_path);
}

bool listener_start(struct listener *l, struct context *context)
{
    l->context = context;
    for (unsigned i = 0; i < l->count; i++) {
        struct listening *s = &l->socket[i];
        log_address(s);
        s->event = event_new(context->base, s->fd, EV_READ | EV_PERSIST, on_connect, s);
        if (s->event == NULL || event_add(s->event, NULL) < 0)
            return false;
    }
    return true;
}

void listener_tick(struct listener *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->socket[i].paused)
            l->socket[i].paused = event_add(l->socket[i].event, NULL) < 0;
}
