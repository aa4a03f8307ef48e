/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/connection.h"

#include <errno.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 8 }; /* one is all that comes from jetond */

static int send_some(struct cli_connection *l);
static int receive_some(struct cli_connection *l);

/* -- opening and closing --------------------------------------------------------------------- */

/* The send timeout also bounds the wait for a place in the listener's queue. */
static int connect_to(int fd, int patience, const struct sockaddr_un *address)
{
    struct timeval wait = { patience / 1000, patience % 1000 * 1000 };

    if (patience > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int cli_connection_open(struct cli_connection *l, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if (len >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect_to(fd, l->patience, &address);
    if (error != 0) {
        close(fd);
        return error;
    }
    l->fd = fd;
    l->deaf = false;
    return 0;
}

void cli_connection_close(struct cli_connection *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (l->descriptor >= 0)
        close(l->descriptor);
    l->fd = l->descriptor = -1;
    cli_buffer_free(&l->out);
    sodium_memzero(l->in, sizeof(l->in));
    l->begin = l->end = 0;
}

void cli_connection_put(struct cli_connection *l, struct slice bytes)
{
    if (!l->deaf)
        cli_buffer_add(&l->out, bytes.at, bytes.len);
}

/* -- bytes ----------------------------------------------------------------------------------- */

int cli_connection_wait(struct cli_connection *l, struct pollfd *other, int wait)
{
    struct pollfd fds[2] = { { .fd = l->fd, .events = POLLIN }, { .fd = -1 } };
    int error = 0;

    if (l->out.len > 0)
        fds[0].events |= POLLOUT;
    if (other != NULL)
        fds[1] = *other;
    int ready = poll(fds, 2, wait);
    if (ready < 0)
        return errno == EINTR ? 0 : -errno;
    if (other != NULL)
        other->revents = fds[1].revents;
    if (ready == 0)
        return -ETIMEDOUT;
    if (fds[0].revents & POLLOUT)
        error = send_some(l);
    if (error == 0 && (fds[0].revents & ~POLLOUT) != 0)
        error = receive_some(l);
    return error;
}

/* Why the daemon takes no more may be what it has already said. */
static int send_some(struct cli_connection *l)
{
    ssize_t sent = send(l->fd, l->out.at, l->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        l->deaf = true;
        cli_buffer_clear(&l->out);
        return 0;
    }
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    cli_buffer_drop(&l->out, (size_t)sent);
    return 0;
}

static void take_descriptors(struct cli_connection *l, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            if (l->descriptor >= 0)
                close(l->descriptor);
            memcpy(&l->descriptor, (const char *)c + at, sizeof(int));
        }
    }
}

static int receive_some(struct cli_connection *l)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec room;
    struct msghdr message = {
        .msg_iov = &room,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };

    memmove(l->in, l->in + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    if (l->end == sizeof(l->in))
        return memchr(l->in, '\n', l->end) != NULL ? 0 : -EPROTO;
    room = (struct iovec){ l->in + l->end, sizeof(l->in) - l->end };
    ssize_t got = recvmsg(l->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    take_descriptors(l, &message);
    l->end += (size_t)got;
    return got > 0 ? 0 : -ECONNRESET;
}

/* -- lines ----------------------------------------------------------------------------------- */

int cli_connection_take(struct cli_connection *l, struct reply *reply)
{
    char *at = l->in + l->begin;
    char *end = memchr(at, '\n', l->end - l->begin);

    if (end == NULL)
        return 0;
    l->begin += (size_t)(end - at) + 1;
    return reply_parse(at, (size_t)(end - at), reply) ? 1 : -EPROTO;
}

int cli_connection_next(struct cli_connection *l, struct reply *reply)
{
    int error = 0, taken;

    while ((taken = cli_connection_take(l, reply)) == 0 && error == 0)
        error = cli_connection_wait(l, NULL, l->patience);
    return taken > 0 ? 0 : taken < 0 ? taken : error;
}

const char *cli_connection_why(int error)
{
    static const struct {
        int error;
        const char *why;
    } reasons[] = {
        { -ETIMEDOUT, "no answer in time; see --timeout" },
        { -ECONNRESET, "the connection ended before the answer" },
        { -EPROTO, "what answers there is not jetond" },
        { -ENAMETOOLONG, "too long for the path of a socket" },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].error == error)
            return reasons[i].why;
    return strerror(-error);
}
