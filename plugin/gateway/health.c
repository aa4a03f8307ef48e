/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/gateway/unix_socket.h"

enum { SECONDS = 1, REPLY_MAX = 64 };

struct health_probe {
    int fd;
    struct event *event;
    health_done *done;
    void *context;
    size_t len;
    char reply[REPLY_MAX];
};

void health_cancel(struct health_probe *probe)
{
    if (probe == NULL)
        return;
    if (probe->event != NULL)
        event_free(probe->event);
    if (probe->fd >= 0)
        close(probe->fd);
    free(probe);
}

static void finish(struct health_probe *probe, bool alive)
{
    health_done *done = probe->done;
    void *context = probe->context;

    health_cancel(probe);
    done(context, alive);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    struct health_probe *probe = context;

    if ((what & EV_TIMEOUT) != 0) {
        finish(probe, false);
        return;
    }
    ssize_t got = recv(fd, probe->reply + probe->len, REPLY_MAX - probe->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    probe->len += got > 0 ? (size_t)got : 0;
    const bool whole = memchr(probe->reply, '\n', probe->len) != NULL;
    if (whole || got <= 0 || probe->len == REPLY_MAX)
        finish(probe, whole && memcmp(probe->reply, "OK", 2) == 0);
}

/* Send the request: the new connection's buffer has space for it. */
static bool connect_and_send(struct health_probe *probe, const char *socket_path)
{
    static const char ping[] = "ping\n";

    probe->fd = unix_socket_connect(socket_path);
    return probe->fd >= 0 &&
           send(probe->fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) == sizeof(ping) - 1;
}

struct health_probe *health_begin(struct event_base *base, const char *socket, health_done *done,
                                  void *context)
{
    const struct timeval wait = { SECONDS, 0 };
    struct health_probe *probe = malloc(sizeof(*probe));

    if (probe == NULL)
        return NULL;
    *probe = (struct health_probe){ .fd = -1, .done = done, .context = context };
    if (connect_and_send(probe, socket)) {
        probe->event = event_new(base, probe->fd, EV_READ | EV_PERSIST, on_event, probe);
        if (probe->event != NULL && event_add(probe->event, &wait) == 0)
            return probe;
    }
    health_cancel(probe);
    return NULL;
}
