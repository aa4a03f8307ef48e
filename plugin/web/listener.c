/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS = 16 }; /* per event, so that those who came before are read from in between */

/* Without descriptors, wait until the next tick: a level-triggered event that cannot be dealt with
 * would use a CPU. */
static void on_connect(evutil_socket_t fd, short what, void *listener)
{
    struct listener *l = listener;
    const int yes = 1;

    (void)what;
    for (int i = 0; i < ACCEPTS; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            /* Fails on a Unix socket, which has nothing like it. */
            setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
            connection_new(l->context, accepted);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            l->paused = true;
            event_del(l->event);
        }
        return;
    }
}

bool listener_start(struct listener *l, struct context *context, int fd)
{
    *l = (struct listener){ .context = context, .fd = fd };
    l->event = event_new(context->base, fd, EV_READ | EV_PERSIST, on_connect, l);
    return l->event != NULL && event_add(l->event, NULL) == 0;
}

void listener_tick(struct listener *l)
{
    if (l->paused)
        l->paused = event_add(l->event, NULL) < 0;
}

void listener_close(struct listener *l)
{
    if (l->event != NULL)
        event_free(l->event);
    close(l->fd);
}
