/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/journald.h"
#include "daemon/base/log.h"
#include "daemon/base/log_limit.h"
#include "daemon/net/conn.h"
#include "daemon/net/shed.h"
#include "daemon/net/socket_check.h"
#include "daemon/session/trusted_peer.h"
#include "proto/reply.h"

enum { BACKLOG = 1024, ACCEPTS = 64 }; /* ACCEPTS: connections per event */

struct listening {
    struct listener *listener;
    struct event *event;
    int fd;
    enum role role;
    bool paused; /* out of descriptors; until the next tick */
    char path[CONFIG_SOCKET_PATH_MAX + 1];
    dev_t device;   /* of the socket file: another process may replace it */
    ino_t inode;    /* 0: it was not created here */
    bool inherited; /* not ours to close: clients may have to get the reason of a failed start */
};

struct listener {
    struct server *server;
    struct event_base *base;
    size_t next_worker;
    int reserve; /* closed to have a descriptor for an administrator; or -1 */
    size_t count;
    struct listening socket[LISTEN_FDS_MAX + ROLES * CONFIG_PATHS_MAX];
};

static void take_inherited(struct listener *l, const struct listen_fds *inherited);
static bool open_all(struct listener *l, const struct config *c, const struct resolved *resolved,
                     struct problem *problem);
static bool open_one(struct listening *s, const struct config_role *r, uid_t owner, gid_t group,
                     struct problem *problem);
static void on_connect(evutil_socket_t fd, short what, void *listening);

struct listener *listener_open(const struct config *c, const struct resolved *resolved,
                               const struct listen_fds *inherited, struct problem *problem)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return NULL;
    }
    l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    take_inherited(l, inherited);
    if (open_all(l, c, resolved, problem))
        return l;
    listener_close(l);
    return NULL;
}

bool listener_start(struct listener *l, struct server *server, struct event_base *base)
{
    l->server = server;
    l->base = base;
    for (size_t i = 0; i < l->count; i++) {
        struct listening *s = &l->socket[i];
        s->event = event_new(base, s->fd, EV_READ | EV_PERSIST, on_connect, s);
        if (s->event == NULL || event_add(s->event, NULL) < 0)
            return false;
    }
    return true;
}

static struct listening *next_socket(struct listener *l, enum role role)
{
    struct listening *s = &l->socket[l->count++];

    *s = (struct listening){ .listener = l, .fd = -1, .role = role };
    return s;
}

static void take_inherited(struct listener *l, const struct listen_fds *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        struct listening *s = next_socket(l, inherited->socket[i].role);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t len = sizeof(address);
        s->fd = inherited->socket[i].fd;
        s->inherited = true;
        getsockname(s->fd, (struct sockaddr *)&address, &len);
        snprintf(s->path, sizeof(s->path), "%.*s", (int)sizeof(s->path) - 1, address.sun_path);
        log_info("listener: inherited the %s socket %s", role_name(s->role), s->path);
        socket_check(s->fd, s->path);
    }
}

static bool open_all(struct listener *l, const struct config *c, const struct resolved *resolved,
                     struct problem *problem)
{
    for (int role = 0; role < ROLES; role++) {
        const struct config_role *r = &c->role[role];
        for (unsigned i = 0; i < r->paths; i++) {
            struct listening *s = next_socket(l, (enum role)role);
            snprintf(s->path, sizeof(s->path), "%s", r->path[i]);
            if (!open_one(s, r, resolved->owner[role], resolved->group[role], problem))
                return false;
        }
    }
    if (l->count == 0)
        problem_set(problem, STATUS_BAD_VALUE, "no socket to listen on: set [admin] path");
    return l->count > 0;
}

/* -- one socket ------------------------------------------------------------------------------ */

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

/* Remove a socket that nobody listens on any more; refuse to remove anything else. */
static bool clear_path(const char *path, struct problem *problem)
{
    struct sockaddr_un address = address_of(path);
    struct stat st;

    if (lstat(path, &st) < 0)
        return true;
    if (!S_ISSOCK(st.st_mode)) {
        problem_set(problem, STATUS_INTERNAL, "%s exists and is not a socket; move it away", path);
        return false;
    }
    errno = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
                   errno == ECONNREFUSED;
    bool unsure = fd < 0 || errno == EACCES || errno == EPERM;
    if (fd >= 0)
        close(fd);
    if (!refused) {
        problem_set(problem, unsure ? STATUS_INTERNAL : STATUS_BUSY,
                    unsure ? "cannot find out whether another process listens on %s; "
                             "remove it, or give another path" :
                             "another process listens on %s already; stop "
                             "it, or give another path",
                    path);
        return false;
    }
    if (unlink(path) == 0)
        return true;
    problem_set(problem, STATUS_INTERNAL, "cannot remove the old socket %s: %s", path,
                strerror(errno));
    return false;
}

/* Create a socket with its owner and mode.  Between bind() and chmod() nobody can connect, as it
 * does not listen yet. */
static bool make_socket(struct listening *s, const struct config_role *r, uid_t owner, gid_t group)
{
    struct sockaddr_un address = address_of(s->path);
    struct stat st;

    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return false;
    mode_t umask_before = umask(0177);
    int bound = bind(s->fd, (struct sockaddr *)&address, sizeof(address));
    umask(umask_before);
    if (bound < 0 || lstat(s->path, &st) < 0)
        return false;
    s->device = st.st_dev;
    s->inode = st.st_ino;
    if (owner != (uid_t)-1 || group != (gid_t)-1)
        if (lchown(s->path, owner, group) < 0)
            return false;
    return chmod(s->path, r->mode) == 0 && listen(s->fd, BACKLOG) == 0;
}

static bool open_one(struct listening *s, const struct config_role *r, uid_t owner, gid_t group,
                     struct problem *problem)
{
    if (!clear_path(s->path, problem))
        return false;
    if (make_socket(s, r, owner, group)) {
        socket_check(s->fd, s->path);
        return true;
    }
    problem_set(problem, STATUS_INTERNAL,
                "cannot make the socket %s (owner=%s group=%s mode=%o): %s", s->path, r->owner,
                r->group, r->mode, strerror(errno));
    return false;
}

static void close_one(struct listening *s)
{
    struct stat st;

    if (s->event != NULL)
        event_free(s->event);
    if (s->fd >= 0 && !s->inherited)
        close(s->fd);
    if (s->inode != 0 && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
        st.st_ino == s->inode)
        unlink(s->path);
}

void listener_close(struct listener *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++)
        close_one(&l->socket[i]);
    if (l->reserve >= 0)
        close(l->reserve);
    free(l);
}

/* -- connections ----------------------------------------------------------------------------- */

static void reject(int fd, const char *message)
{
    char reply[256];
    struct text t = text_in(reply, sizeof(reply));

    reply_plain(&t, STATUS_BUSY, message);
    send(fd, t.at, t.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* Find a place for the connection, if need be at the cost of who has most.  False: there is
 * none. */
static bool find_place(struct server *server, int fd, const struct peercred *peer, bool admin)
{
    struct client_limit *limit = server->client_limit;
    enum client_trust trust = client_limit_trust(limit, peer->uid, admin);
    struct client_excess excess;

    if (trust == CLIENT_UNKNOWN) /* for a uid's first connection only: it may have many groups */
        trust = trusted_peer(&server->settings, fd, peer) ? CLIENT_TRUSTED : CLIENT_UNTRUSTED;
    if (!client_limit_acquire(limit, peer->uid, admin, trust, &excess))
        return false;
    shed_connections(server, &excess);
    return true;
}

static void admit(struct listening *s, int fd)
{
    static struct log_limit limit;
    char more[LOG_LIMIT_MORE];
    struct listener *l = s->listener;
    bool admin = s->role == ROLE_ADMIN;
    struct peercred peer;

    if (peercred_read(fd, &peer) < 0) {
        if (log_limit_passes(&limit, more))
            log_warning("listener: a connection to %s is refused: the kernel does not name its "
                        "peer%s",
                        s->path, more);
        close(fd);
        return;
    }
    if (!find_place(l->server, fd, &peer, admin)) {
        journald_report(
            &(struct journald_entry){ .kind = JOURNALD_REFUSED, .uid = peer.uid, .pid = peer.pid },
            "listener: a connection to %s is refused: uid %u has too many, or all together",
            s->path, (unsigned)peer.uid);
        reject(fd, "too many connections ([daemon] max_connections, max_connections_per_uid)");
        return;
    }
    const size_t workers = server_workers(l->server);
    struct worker *worker =
        &l->server->worker[s->role == ROLE_FLEET ? workers : l->next_worker++ % workers];
    struct conn *c = conn_new(worker, fd, s->role, &peer);
    if (c == NULL) {
        client_limit_release(l->server->client_limit, peer.uid, admin);
        reject(fd, "no memory for another connection");
        return;
    }
    mailbox_post(&worker->mailbox, conn_mail(c));
}

/* Out of descriptors, accept an administrator with the one in reserve; let the others wait until
 * the next tick, because a level-triggered event that cannot be dealt with would use a CPU. */
static int accept_without_descriptors(struct listening *s)
{
    struct listener *l = s->listener;
    int fd = -1;

    if (s->role == ROLE_ADMIN && l->reserve >= 0) {
        close(l->reserve);
        fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        l->reserve = fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    }
    if (fd < 0) {
        s->paused = true;
        event_del(s->event);
    }
    return fd;
}

static void on_connect(evutil_socket_t fd, short what, void *listening)
{
    struct listening *s = listening;

    (void)what;
    for (int i = 0; i < ACCEPTS; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            accepted = accept_without_descriptors(s);
        if (accepted < 0)
            return;
        admit(s, accepted);
    }
}

void listener_tick(struct listener *l)
{
    if (l->reserve < 0)
        l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < l->count; i++) {
        if (l->socket[i].paused)
            l->socket[i].paused = event_add(l->socket[i].event, NULL) < 0;
    }
}
