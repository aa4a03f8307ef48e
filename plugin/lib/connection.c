/* SPDX-License-Identifier: Apache-2.0 */
/* Which reply a descriptor belongs to.
 *
 * Replies come in the order of the requests.  A descriptor comes with its reply's first byte, and
 * the kernel delivers no later reply in the same recvmsg(), so at most one has been received and
 * belongs to a reply that is not complete.  More of them, or one that no pending request expects,
 * ends the connection. */
#include "plugin/lib/connection.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/lib/server.h"

enum {
    RECEIVES_MAX = 64, /* in one step, so that a flood of replies cannot prolong it */
    CONTROL_FDS = 8,   /* more than ever come, so that the surplus is seen and closed */
};

static int receive(struct connection *c);
static int take_descriptors(struct connection *c, struct msghdr *message);
static int take_reply(struct connection *c);
static void complete(struct connection *c, struct connection_reply *reply);

/* -- opening and closing ---------------------------------------------------------------------- */

int connection_open(struct connection *c, struct fd_identity *identity, const char *path,
                    int64_t deadline)
{
    int fd = server_connect(path, deadline);
    if (fd < 0)
        return fd;
    int error = server_check(fd, path);
    connection_close(c);
    fd_identity_close(identity);
    if (error == 0)
        error = fd_identity_set(identity, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    c->identity = identity;
    c->table_refused = c->used_refused = c->refusals_refused = false;
    c->received_fd = -1;
    c->in_len = c->out_begin = c->out_end = 0;
    return 0;
}

bool connection_is_open(const struct connection *c)
{
    return c->identity != NULL && fd_identity_is_ours(c->identity);
}

bool connection_is_idle(const struct connection *c)
{
    char byte;
    return connection_is_open(c) && c->count == 0 &&
           recv(c->identity->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void connection_close(struct connection *c)
{
    struct fd_identity *identity = c->identity;

    if (identity != NULL) {
        c->identity = NULL;
        if (c->received_fd >= 0)
            close(c->received_fd);
        sodium_memzero(c->out + c->out_begin, c->out_end - c->out_begin);
        c->in_len = c->out_begin = c->out_end = 0;
    }
    /* `done` may queue more requests behind these: do not complete those here. */
    for (unsigned left = c->count; left > 0; left--) {
        complete(c, &(struct connection_reply){ .status = STATUS_UNAVAILABLE, .fd = -1 });
    }
    /* Close it last, so that one that `done` opens has another number; then that has closed it. */
    if (identity != NULL && c->identity == NULL)
        fd_identity_close(identity);
}

/* -- requests --------------------------------------------------------------------------------- */

bool connection_enqueue(struct connection *c, struct slice request, bool wants_fd,
                        connection_done *done, void *context, int64_t deadline)
{
    if (c->identity == NULL || c->count == CONNECTION_PENDING_MAX ||
        request.len > CONNECTION_OUT_MAX - c->out_end)
        return false;
    memcpy(c->out + c->out_end, request.at, request.len);
    c->out_end += request.len;
    c->pending[(c->first + c->count++) % CONNECTION_PENDING_MAX] = (struct connection_pending){
        .done = done,
        .context = context,
        .deadline = deadline,
        .wants_fd = wants_fd,
    };
    return true;
}

int connection_send(struct connection *c)
{
    while (c->out_begin < c->out_end) {
        ssize_t sent = send(c->identity->fd, c->out + c->out_begin, c->out_end - c->out_begin,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : -errno;
        sodium_memzero(c->out + c->out_begin, (size_t)sent);
        c->out_begin += (size_t)sent;
    }
    c->out_begin = c->out_end = 0;
    return 0;
}

/* Receive before reporting an error of sending: replies that came before the connection broke still
 * count. */
int connection_step(struct connection *c)
{
    if (!connection_is_open(c)) {
        connection_close(c);
        return -EBADF;
    }
    int sent = connection_send(c);
    int error = receive(c);
    if (error == 0)
        error = sent;
    if (error != 0)
        connection_close(c);
    return error;
}

bool connection_wait(const struct connection *c, int64_t deadline)
{
    struct pollfd poll_for = { .fd = c->identity->fd, .events = connection_events(c) };
    int64_t left = deadline - deadline_now();

    if (left <= 0)
        return false;
    poll(&poll_for, 1, left < INT32_MAX ? (int)left : INT32_MAX);
    return true;
}

short connection_events(const struct connection *c)
{
    return (short)(c->out_begin < c->out_end ? POLLIN | POLLOUT : POLLIN);
}

int64_t connection_deadline(const struct connection *c)
{
    int64_t first = DEADLINE_NEVER;

    for (unsigned i = 0; i < c->count; i++) {
        int64_t deadline = c->pending[(c->first + i) % CONNECTION_PENDING_MAX].deadline;
        if (deadline < first)
            first = deadline;
    }
    return first;
}

/* -- replies ---------------------------------------------------------------------------------- */

static int receive(struct connection *c)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
    } control;

    for (int i = 0; i < RECEIVES_MAX && c->identity != NULL; i++) {
        struct iovec space = { c->in + c->in_len, sizeof(c->in) - c->in_len };
        struct msghdr message = {
            .msg_iov = &space,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof(control.bytes),
        };
        ssize_t got = recvmsg(c->identity->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got < 0)
            return -errno;
        int error = take_descriptors(c, &message);
        if (error == 0 && got == 0)
            error = -ECONNRESET;
        c->in_len += (size_t)got;
        while (error == 0 && (error = take_reply(c)) > 0)
            error = 0;
        if (error < 0)
            return error;
    }
    return 0;
}

/* Take the descriptors of a message.  If this process has no free number for one (MSG_CTRUNC), it
 * is missing from its reply, which is no error here. */
static int take_descriptors(struct connection *c, struct msghdr *message)
{
    int fd, error = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= h->cmsg_len; at += sizeof(fd)) {
            memcpy(&fd, (const char *)h + at, sizeof(fd));
            if (c->received_fd < 0) {
                c->received_fd = fd;
            } else {
                close(fd);
                error = -EPROTO;
            }
        }
    }
    if ((error != 0 || (message->msg_flags & MSG_CTRUNC)) && c->received_fd >= 0) {
        close(c->received_fd);
        c->received_fd = -1;
    }
    return error;
}

static bool expects_descriptor(const struct connection *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->pending[(c->first + i) % CONNECTION_PENDING_MAX].wants_fd)
            return true;
    return false;
}

/* Take the first line off the input buffer.  Return 1; 0 if no line is complete; or -errno.  Skip
 * data lines unread: no request of the library asks for any. */
static int take_reply(struct connection *c)
{
    char *bytes = c->line;
    struct reply reply;
    const char *end = memchr(c->in, '\n', c->in_len);
    size_t len = end != NULL ? (size_t)(end - c->in) : 0;

    if (end == NULL && c->in_len < sizeof(c->in))
        return c->received_fd < 0 || expects_descriptor(c) ? 0 : -EPROTO;
    if (end == NULL || c->count == 0)
        return -EPROTO;
    memcpy(bytes, c->in, len);
    c->in_len -= len + 1;
    memmove(c->in, end + 1, c->in_len);
    if (len > 0 && bytes[0] == '*')
        return 1;
    if (!reply_parse(bytes, len, &reply))
        return -EPROTO;
    complete(c, &(struct connection_reply){
                    .received = true,
                    .status = reply_status(&reply),
                    .line = &reply.line,
                    .fd = -1,
                });
    return 1;
}

/* Take the oldest pending request off the ring and answer it. */
static void complete(struct connection *c, struct connection_reply *reply)
{
    struct connection_pending oldest = c->pending[c->first];

    c->first = (c->first + 1) % CONNECTION_PENDING_MAX;
    c->count--;
    if (oldest.wants_fd && reply->received) {
        reply->fd = c->received_fd;
        c->received_fd = -1;
    }
    oldest.done(oldest.context, reply);
    if (reply->fd >= 0)
        close(reply->fd);
}
