/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/service/log.h"
#include "proto/limits.h"
#include "proto/socket_trust.h"

enum {
    REPLY_MAX = 8 * LINE_MAX_BYTES, /* longer than any line of jetond's */
    RETRY_MS = 200,
    READ_MOST = 256 * 1024,
    SEND_MOST = 1024 * 1024, /* on its way to jetond; the kernel mostly grants less */
};

/* A request whose answer has not come yet. */
struct waiting {
    unsigned finals; /* lines that are still to come */
    link_reply *done;
    void *context;
};

struct link {
    struct event_base *base;
    const char *path, *name;
    const struct link_events *events;
    void *context;
    struct bufferevent *stream; /* NULL: not connected */
    struct event *timer;
    bool drop; /* give it up once nobody stands on it */
    unsigned first, count;
    struct waiting waiting[LINK_PENDING_MAX];
    char trouble[256], logged[256];
};

static void retry_later(struct link *l)
{
    const struct timeval after = { 0, RETRY_MS * 1000 };

    event_add(l->timer, &after);
}

static void set_trouble(struct link *l, const char *why)
{
    snprintf(l->trouble, sizeof(l->trouble), "%s", why);
    if (strcmp(l->trouble, l->logged) == 0)
        return;
    strcpy(l->logged, l->trouble);
    log_write(LOG_WARNING, "jetond: %s: %s; trying again until it can be reached", l->path, why);
}

void link_close(struct link *l)
{
    l->drop = false;
    if (l->stream != NULL)
        bufferevent_free(l->stream);
    l->stream = NULL;
    while (l->count > 0) {
        const struct waiting w = l->waiting[l->first];
        l->first = (l->first + 1) % LINK_PENDING_MAX;
        l->count--;
        w.done(w.context, NULL);
    }
}

static void lose(struct link *l)
{
    const bool was_up = l->stream != NULL;

    retry_later(l);
    link_close(l);
    if (was_up)
        l->events->down(l->context);
}

void link_drop(struct link *l, const char *why)
{
    const struct timeval now = { 0, 0 };

    if (l->stream == NULL || l->drop)
        return;
    if (why != NULL)
        set_trouble(l, why);
    l->drop = true;
    event_add(l->timer, &now);
}

/* -- receiving ----------------------------------------------------------------------------------- */

static void take_line(struct link *l, char *line, size_t len)
{
    struct reply reply;

    if (!reply_parse(line, len, &reply)) {
        link_drop(l, "it sent what is no line of a reply");
        return;
    }
    if (l->count == 0) {
        link_drop(l, "it answers what was not asked");
        return;
    }
    struct waiting *head = &l->waiting[l->first];
    const struct waiting w = *head;
    if (reply.final && --head->finals == 0) {
        l->first = (l->first + 1) % LINK_PENDING_MAX;
        l->count--;
    }
    w.done(w.context, &reply);
}

static void on_read(struct bufferevent *stream, void *link)
{
    struct evbuffer *in = bufferevent_get_input(stream);
    struct link *l = link;
    char *line;
    size_t len;

    while (!l->drop && (bufferevent_get_enabled(stream) & EV_READ) != 0 &&
           (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)) != NULL) {
        take_line(l, line, len);
        free(line);
    }
    if (evbuffer_get_length(in) > REPLY_MAX && !l->drop &&
        evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF).pos < 0)
        link_drop(l, "it sent a line that is too long");
}

static void on_end(struct bufferevent *stream, short what, void *link)
{
    (void)stream;
    link_drop(link, (what & BEV_EVENT_ERROR) != 0 ? strerror(errno) : "it ended the connection");
}

/* -- connecting ---------------------------------------------------------------------------------- */

/* Return NULL, or why who listens there is not trusted. */
static const char *distrust(const struct link *l, int fd)
{
    static char text[PATH_MAX + 128];
    char path[PATH_MAX];
    struct socket_trust_fault fault;
    struct ucred server;
    socklen_t size = sizeof(server);

    snprintf(path, sizeof(path), "%s", l->path);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) < 0)
        return "who serves it cannot be found out";
    if (socket_trust_check(path, server.uid, geteuid(), lstat, &fault) == 0)
        return NULL;
    snprintf(text, sizeof(text), "it is not trusted: %.*s %s", (int)fault.len, path, fault.why);
    return text;
}

/* The more is on its way, the more rarely one process waits for the other on a busy machine. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int most = SEND_MOST;

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

static const char *advice(int error)
{
    switch (error) {
    case ENOENT:
        return "there is no such socket: is jetond running, with `path =` in its section [fleet]?";
    case ECONNREFUSED:
        return "nobody listens there: is jetond running?";
    case EACCES:
        return "this user may not connect: the section [fleet] of jetond.conf says who may";
    default:
        return strerror(error);
    }
}

static void begin(struct link *l, int fd)
{
    l->stream = bufferevent_socket_new(l->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (l->stream == NULL) {
        close(fd);
        retry_later(l);
        return;
    }
    bufferevent_setcb(l->stream, on_read, NULL, on_end, l);
    bufferevent_setwatermark(l->stream, EV_READ, 0, READ_MOST);
    bufferevent_set_max_single_read(l->stream, READ_MOST);
    bufferevent_set_max_single_write(l->stream, READ_MOST);
    bufferevent_enable(l->stream, EV_READ | EV_WRITE);
    l->trouble[0] = '\0';
    log_write(LOG_DEBUG, "jetond: connected to %s for %s", l->path, l->name);
    l->events->up(l->context);
}

static void connect_now(struct link *l)
{
    int fd = connect_to(l->path);
    const char *why = fd < 0 ? advice(-fd) : distrust(l, fd);

    if (why == NULL) {
        begin(l, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    set_trouble(l, why);
    retry_later(l);
}

static void on_timer(evutil_socket_t fd, short what, void *link)
{
    struct link *l = link;

    (void)fd;
    (void)what;
    if (l->stream != NULL)
        lose(l);
    else
        connect_now(l);
}

/* -- for the owner ------------------------------------------------------------------------------- */

struct link *link_new(struct event_base *base, const char *path, const char *name,
                      const struct link_events *events, void *context)
{
    struct link *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->base = base;
    l->path = path;
    l->name = name;
    l->events = events;
    l->context = context;
    l->timer = event_new(base, -1, 0, on_timer, l);
    if (l->timer == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void link_free(struct link *l)
{
    if (l == NULL)
        return;
    if (l->stream != NULL)
        bufferevent_free(l->stream);
    event_free(l->timer);
    free(l);
}

void link_start(struct link *l)
{
    connect_now(l);
}

void link_works(struct link *l)
{
    l->logged[0] = '\0';
}

bool link_is_up(const struct link *l)
{
    return l->stream != NULL && !l->drop;
}

const char *link_trouble(const struct link *l)
{
    return l->trouble;
}

static size_t unsent(const struct link *l)
{
    return evbuffer_get_length(bufferevent_get_output(l->stream));
}

bool link_send(struct link *l, struct slice lines, unsigned finals, link_reply *done, void *context)
{
    if (!link_is_up(l) || finals == 0)
        return false;
    if (l->count == LINK_PENDING_MAX || unsent(l) + lines.len > LINK_OUT_MAX ||
        bufferevent_write(l->stream, lines.at, lines.len) < 0) {
        link_drop(l, "it has left too much unanswered");
        return false;
    }
    l->waiting[(l->first + l->count++) % LINK_PENDING_MAX] =
        (struct waiting){ .finals = finals, .done = done, .context = context };
    return true;
}

unsigned link_pending(const struct link *l)
{
    return l->count;
}

void link_pause(struct link *l, bool paused)
{
    if (l->stream == NULL)
        return;
    if (paused) {
        bufferevent_disable(l->stream, EV_READ);
    } else if ((bufferevent_get_enabled(l->stream) & EV_READ) == 0) {
        bufferevent_enable(l->stream, EV_READ);
        bufferevent_trigger(l->stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }
}
