/* SPDX-License-Identifier: Apache-2.0 */
/* Watch a handle's descriptor.  libjeton opens and closes it; a new one has another number, so the
 * number tells whether it is the one that is watched.  What is closed has left epoll by itself. */
#include "plugin/nginx/ngx_http_jeton_link.h"

#include <poll.h>
#include <stdbool.h>

#include "proto/socket_trust.h"

static void on_event(ngx_event_t *event);

void ngx_http_jeton_link_open(struct ngx_http_jeton_link *link, ngx_cycle_t *cycle)
{
    /* All other requests would wait for a daemon that hangs. */
    int error = jeton_open(&link->handle, (char *)link->socket.data, (char *)link->service.data,
                           JETON_NO_WAIT);

    link->connection = NULL;
    ngx_memzero(&link->timer, sizeof(link->timer));
    ngx_memzero(&link->for_timer, sizeof(link->for_timer));
    link->for_timer.fd = (ngx_socket_t)-1;
    link->for_timer.data = link;
    link->timer.handler = on_event;
    link->timer.data = &link->for_timer;
    link->timer.log = cycle->log;
    if (error == 0)
        ngx_http_jeton_link_watch(link);
    else
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "jeton: the daemon's socket \"%V\": %s; requests that need it are answered "
                      "with 503 until nginx is reloaded",
                      &link->socket, socket_trust_error_text(error));
}

/* Let nginx forget the descriptor, which libjeton has closed or is about to close. */
static void forget(struct ngx_http_jeton_link *link)
{
    ngx_connection_t *c = link->connection;

    link->connection = NULL;
    if (ngx_del_conn) {
        ngx_del_conn(c, NGX_CLOSE_EVENT);
    } else {
        if (c->read->active)
            ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        if (c->write->active)
            ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
    }
    if (c->read->posted) { /* a macro of several statements */
        ngx_delete_posted_event(c->read);
    }
    if (c->write->posted) { /* a macro of several statements */
        ngx_delete_posted_event(c->write);
    }
    c->read->closed = 1;
    c->write->closed = 1;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t)-1;
}

/* Have a descriptor watched for input. */
static void watch(struct ngx_http_jeton_link *link, int fd)
{
    ngx_log_t *log = link->timer.log;
    ngx_connection_t *c = ngx_get_connection(fd, log);

    if (c == NULL)
        return; /* logged; the timer ends the questions */
    c->data = link;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = on_event;
    c->write->handler = on_event;
    link->connection = c;
    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK)
        forget(link);
}

/* Have it watched for output only while something is to be sent. */
static void watch_output(struct ngx_http_jeton_link *link)
{
    ngx_event_t *write = link->connection->write;
    bool wanted = jeton_events(link->handle) & POLLOUT;

    if (wanted && !write->active)
        ngx_add_event(write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    else if (!wanted && write->active)
        ngx_del_event(write, NGX_WRITE_EVENT, 0);
}

void ngx_http_jeton_link_watch(struct ngx_http_jeton_link *link)
{
    int fd = jeton_fd(link->handle), left = jeton_timeout(link->handle);

    if (link->connection != NULL && link->connection->fd != fd)
        forget(link);
    if (link->connection == NULL && fd >= 0)
        watch(link, fd);
    if (link->connection != NULL)
        watch_output(link);
    if (left >= 0)
        ngx_add_timer(&link->timer, (ngx_msec_t)left);
    else if (link->timer.timer_set)
        ngx_del_timer(&link->timer);
}

static void on_event(ngx_event_t *event)
{
    ngx_connection_t *c = event->data;
    struct ngx_http_jeton_link *link = c->data;

    jeton_dispatch(link->handle);
    ngx_http_jeton_link_watch(link);
}

void ngx_http_jeton_link_close(struct ngx_http_jeton_link *link)
{
    if (link->connection != NULL)
        forget(link);
    if (link->timer.timer_set)
        ngx_del_timer(&link->timer);
    jeton_close(link->handle);
    link->handle = NULL;
}
