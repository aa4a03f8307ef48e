/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/exchange.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/web/clock.h"
#include "plugin/web/response.h"

enum {
    PIECE = 16 * 1024,
    SIZE_LINE = 8, /* of a chunk, in hexadecimal, with its line end */
    TAIL = sizeof("\r\n") + sizeof("0\r\n\r\n"),
    TURNS = 4, /* pieces, before it is another's turn */
};

/* A side, and whether we wait for it. */
struct side {
    int fd;
    struct event readable, writable;
    bool reading, writing;
};

struct exchange {
    struct side client, daemon;
    char *up; /* for the daemon */
    size_t up_at, up_len;
    size_t down_at, down_len; /* for the client */
    bool ended;               /* by the daemon */
    int64_t moved;            /* when bytes moved last */
    exchange_over *over;
    void *argument;
    char down[SIZE_LINE + PIECE + TAIL];
};

/* -- to the daemon --------------------------------------------------------------------------- */

static void drop_up(struct exchange *x)
{
    sodium_memzero(x->up, x->up_len);
    x->up_at = x->up_len = 0;
}

/* A daemon that reads no more may have sent the reason, which is still to be read. */
static void send_up(struct exchange *x)
{
    if (x->up_at == x->up_len)
        return;
    ssize_t sent = send(x->daemon.fd, x->up + x->up_at, x->up_len - x->up_at,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        x->up_at += (size_t)sent;
        x->moved = clock_ms();
    }
    if (x->up_at == x->up_len || (sent < 0 && errno != EAGAIN && errno != EINTR))
        drop_up(x);
}

/* -- to the client --------------------------------------------------------------------------- */

/* Add bytes behind the piece. */
static void add_tail(struct exchange *x, const char *bytes)
{
    const size_t len = strlen(bytes);

    memcpy(x->down + x->down_len, bytes, len);
    x->down_len += len;
}

/* Read a piece and make a chunk of it, or the last chunk.  False: the daemon's connection is broken. */
static bool receive(struct exchange *x)
{
    char size[SIZE_LINE + 1];
    ssize_t got = recv(x->daemon.fd, x->down + SIZE_LINE, PIECE, MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    x->moved = clock_ms();
    if (got == 0) {
        x->ended = true;
        x->down_at = x->down_len = 0;
        add_tail(x, "0\r\n\r\n");
        return true;
    }
    const size_t len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", (size_t)got);
    x->down_at = SIZE_LINE - len;
    memcpy(x->down + x->down_at, size, len);
    x->down_len = SIZE_LINE + (size_t)got;
    add_tail(x, "\r\n");
    return true;
}

/* Send what there is.  False: the client is gone. */
static bool send_down(struct exchange *x)
{
    if (x->down_at == x->down_len)
        return true;
    ssize_t sent = send(x->client.fd, x->down + x->down_at, x->down_len - x->down_at,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    x->moved = clock_ms();
    x->down_at += (size_t)sent;
    if (x->down_at == x->down_len) {
        sodium_memzero(x->down, x->down_len); /* a token's value may have been in it */
        x->down_at = x->down_len = 0;
    }
    return true;
}

/* -- turns ----------------------------------------------------------------------------------- */

static void want(struct event *event, bool *is, bool wanted)
{
    if (*is != wanted && (wanted ? event_add(event, NULL) : event_del(event)) == 0)
        *is = wanted;
}

static void settle(struct exchange *x)
{
    const bool down = x->down_at < x->down_len;

    want(&x->client.writable, &x->client.writing, down);
    want(&x->daemon.readable, &x->daemon.reading, !down && !x->ended);
    want(&x->daemon.writable, &x->daemon.writing, x->up_at < x->up_len);
}

static void step(struct exchange *x)
{
    bool alive = true;

    send_up(x);
    for (int i = 0; i < TURNS && alive; i++) {
        if (x->down_at == x->down_len && !x->ended)
            alive = receive(x);
        if (alive)
            alive = send_down(x);
        if (x->down_at < x->down_len || x->ended)
            break;
    }
    const bool whole = alive && x->ended && x->down_at == x->down_len;
    if (!alive || whole)
        x->over(x->argument, whole);
    else
        settle(x);
}

static void on_ready(evutil_socket_t fd, short what, void *exchange)
{
    (void)fd;
    (void)what;
    step(exchange);
}

/* Nothing is to come from the client: it is gone, or does not keep to what it announced. */
static void on_client_readable(evutil_socket_t fd, short what, void *exchange)
{
    struct exchange *x = exchange;
    char byte;

    (void)what;
    if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    x->over(x->argument, false);
}

struct exchange *exchange_begin(struct event_base *base, int client, int daemon, char *lines,
                                size_t len, exchange_over *over, void *argument)
{
    const short in = EV_READ | EV_PERSIST, out = EV_WRITE | EV_PERSIST;
    struct exchange *x = malloc(sizeof(*x));

    if (x == NULL) {
        sodium_memzero(lines, len);
        free(lines);
        close(daemon);
        return NULL;
    }
    memset(x, 0, offsetof(struct exchange, down));
    x->client.fd = client;
    x->daemon.fd = daemon;
    x->up = lines;
    x->up_len = len;
    x->over = over;
    x->argument = argument;
    x->moved = clock_ms();
    event_assign(&x->client.readable, base, client, in, on_client_readable, x);
    event_assign(&x->client.writable, base, client, out, on_ready, x);
    event_assign(&x->daemon.readable, base, daemon, in, on_ready, x);
    event_assign(&x->daemon.writable, base, daemon, out, on_ready, x);
    struct text head = text_in(x->down, sizeof(x->down));
    response_stream(&head);
    x->down_len = head.len;
    want(&x->client.readable, &x->client.reading, true);
    settle(x);
    if (x->client.reading && x->client.writing)
        return x;
    exchange_free(x);
    return NULL;
}

void exchange_free(struct exchange *x)
{
    want(&x->client.readable, &x->client.reading, false);
    want(&x->client.writable, &x->client.writing, false);
    want(&x->daemon.readable, &x->daemon.reading, false);
    want(&x->daemon.writable, &x->daemon.writing, false);
    close(x->daemon.fd);
    drop_up(x);
    free(x->up);
    sodium_memzero(x->down, x->down_len);
    free(x);
}

int64_t exchange_moved(const struct exchange *x)
{
    return x->moved;
}

bool exchange_is_waiting(const struct exchange *x)
{
    return x->up_at < x->up_len || x->down_at < x->down_len;
}
