/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/service_handle.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/lib/handle.h"
#include "proto/limits.h"

struct service_handle {
    struct jeton *handle;
    struct event_base *base;
    struct event *event; /* for the handle's descriptor and timeout */
    char name[SERVICE_MAX + 1];
};

struct service_handle *service_handle_open(const char *socket, const char *service,
                                           unsigned timeout_seconds, int *error)
{
    struct service_handle *s = calloc(1, sizeof(*s));

    *error = -ENOMEM;
    if (s == NULL)
        return NULL;
    snprintf(s->name, sizeof(s->name), "%s", service);
    *error = jeton_open(&s->handle, socket, service[0] != '\0' ? service : NULL, 0);
    if (*error < 0) {
        free(s);
        return NULL;
    }
    jeton_set_timeout(s->handle, timeout_seconds * 1000);
    return s;
}

void service_handle_close(struct service_handle *s)
{
    if (s == NULL)
        return;
    if (s->event != NULL)
        event_free(s->event);
    jeton_close(s->handle);
    free(s);
}

const char *service_handle_name(const struct service_handle *s)
{
    return s->name;
}

/* -- on the event loop ------------------------------------------------------------------------- */

static void watch(struct service_handle *s);

static void on_event(evutil_socket_t fd, short what, void *context)
{
    struct service_handle *s = context;

    (void)fd;
    (void)what;
    jeton_dispatch(s->handle);
    watch(s);
}

bool service_handle_attach(struct service_handle *s, struct event_base *base)
{
    s->base = base;
    s->event = event_new(base, -1, 0, on_event, s);
    return s->event != NULL;
}

/* Wait for what the handle waits for now.  The descriptor may be another than before, with the same
 * number. */
static void watch(struct service_handle *s)
{
    int fd = jeton_fd(s->handle), timeout = jeton_timeout(s->handle);
    short events = jeton_events(s->handle), what = 0;
    struct timeval wait = { timeout / 1000, timeout % 1000 * 1000 };

    event_del(s->event);
    /* Nothing is waiting; the next question looks whether the connection is open. */
    if (timeout < 0)
        return;
    if (fd >= 0)
        what = (short)(((events & POLLIN) ? EV_READ : 0) | ((events & POLLOUT) ? EV_WRITE : 0));
    event_assign(s->event, s->base, fd, what, on_event, s);
    event_add(s->event, &wait);
}

/* libjeton has NULL where none is asked for. */
static const char *wanted(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

enum jeton_status service_handle_look_up(struct service_handle *s, struct slice token,
                                         const char *scope, const char *subject,
                                         struct jeton_claims *claims)
{
    enum jeton_status status;
    struct question q;

    if (!query_read(&q, token.at, token.len, wanted(scope), wanted(subject), claims))
        return JETON_INVALID;
    return handle_lookup(s->handle, &q, claims, &status) ? status : JETON_WAITING;
}

enum jeton_status service_handle_verify(struct service_handle *s, struct slice token,
                                        const char *scope, const char *subject,
                                        struct jeton_claims *claims, jeton_done *done,
                                        void *context)
{
    enum jeton_status status = jeton_verify_start(s->handle, token.at, token.len, wanted(scope),
                                                  wanted(subject), claims, done, context);

    if (status == JETON_WAITING)
        watch(s);
    return status;
}

void service_handle_cancel(struct service_handle *s, void *context)
{
    jeton_cancel(s->handle, context);
}
