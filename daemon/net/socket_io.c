/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/socket_io.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/log_limit.h"

ssize_t socket_io_receive(struct session *s)
{
    size_t space = SESSION_INPUT_MAX - iobuf_len(&s->in);

    if (space == 0)
        return -EAGAIN;
    char *to = iobuf_reserve(&s->in, space);
    if (to == NULL)
        return -ENOMEM;
    ssize_t len = recv(s->fd, to, space, MSG_DONTWAIT);
    int error = errno;
    if (len > 0)
        iobuf_commit(&s->in, (size_t)len);
    else
        iobuf_consume(&s->in, 0); /* frees an empty buffer */
    return len < 0 ? -error : len;
}

/* Replace the reply that a descriptor was to go with, which is the first line: too many are under way
 * and not taken in (unix(7): ETOOMANYREFS).  Any reply to `table` is longer than this one. */
static void refuse_descriptor(struct session *s)
{
    static struct log_limit limit;
    char more[LOG_LIMIT_MORE];
    static const char busy[] = "ERR busy message=\"try later\"\n";
    size_t size = sizeof(busy) - 1;
    char *line = iobuf_front(&s->out), *end = memchr(line, '\n', iobuf_len(&s->out));

    close(s->passing);
    s->passing = -1;
    assert(end != NULL && (size_t)(end + 1 - line) >= size);
    memcpy(end + 1 - size, busy, size);
    iobuf_consume(&s->out, (size_t)(end + 1 - line) - size);
    if (log_limit_passes(&limit, more))
        log_warning(
            "table: not sent to uid %u: too many descriptors are on their way and not taken "
            "in%s",
            (unsigned)s->peer.uid, more);
}

/* Send once, with the descriptor to be passed, if any, and close our own when it is sent. */
static ssize_t send_some(struct session *s)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec bytes = { iobuf_front(&s->out), iobuf_len(&s->out) };
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };

    if (s->passing < 0)
        return send(s->fd, bytes.iov_base, bytes.iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &s->passing, sizeof(int));
    ssize_t sent = sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        close(s->passing);
        s->passing = -1;
        s->passed = true;
    } else if (sent < 0 && errno == ETOOMANYREFS) {
        refuse_descriptor(s);
        errno = EINTR; /* now without it */
    }
    return sent;
}

ssize_t socket_io_send(struct session *s)
{
    size_t all = iobuf_len(&s->out);

    while (iobuf_len(&s->out) > 0) {
        ssize_t sent = send_some(s);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return (ssize_t)(all - iobuf_len(&s->out));
        if (sent < 0)
            return -errno;
        iobuf_consume(&s->out, (size_t)sent);
    }
    return (ssize_t)all;
}
