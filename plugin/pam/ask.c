/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/pam/ask.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/lib/api_guard.h"
#include "plugin/lib/deadline.h"
#include "plugin/lib/fd_identity.h"
#include "plugin/lib/server.h"
#include "plugin/lib/verify_line.h"
#include "proto/blake_plain.h"
#include "proto/reply.h"

enum { TRIES = 2 }; /* a daemon that is being replaced may close the first connection */

/* A connection, and the line that is sent, then received, over it. */
struct exchange {
    struct fd_identity identity;
    int64_t deadline;
    size_t len;
    char line[LINE_MAX_BYTES];
};

/* Wait for an event on the descriptor, and check that it is still ours.  False: it is not, or the
 * deadline passed first. */
static bool wait_for(const struct exchange *x, short events, int64_t deadline)
{
    struct pollfd poll_for = { .fd = x->identity.fd, .events = events };
    int ready;

    do {
        int64_t left = deadline - deadline_now();
        if (left <= 0)
            return false;
        ready = poll(&poll_for, 1, left < INT32_MAX ? (int)left : INT32_MAX);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fd_identity_is_ours(&x->identity);
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* Send the line; false if it was not sent as a whole. */
static bool send_line(const struct exchange *x)
{
    size_t done = 0;

    if (!fd_identity_is_ours(&x->identity))
        return false;
    while (done < x->len) {
        ssize_t sent = send(x->identity.fd, x->line + done, x->len - done,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && (!is_transient(errno) || !wait_for(x, POLLOUT, x->deadline)))
            return false;
        done += sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* Drop data lines, which no request of ours asks for, off the front of what was received.  Return the
 * end of the final line, or NULL. */
static const char *final_line_end(struct exchange *x)
{
    const char *end;

    while ((end = memchr(x->line, '\n', x->len)) != NULL && x->line[0] == '*') {
        x->len -= (size_t)(end + 1 - x->line);
        memmove(x->line, end + 1, x->len);
    }
    return end;
}

/* Receive the final line, and set its length, without the line end.  A descriptor that comes with it
 * was not asked for: there is nowhere to put it, so the kernel sets MSG_CTRUNC. */
static bool receive_line(struct exchange *x, int64_t deadline)
{
    const char *end = NULL;

    x->len = 0;
    while (end == NULL && x->len < sizeof(x->line) && wait_for(x, POLLIN, deadline)) {
        struct iovec space = { x->line + x->len, sizeof(x->line) - x->len };
        struct msghdr message = { .msg_iov = &space, .msg_iovlen = 1 };
        ssize_t received = recvmsg(x->identity.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (received < 0 && is_transient(errno))
            continue;
        if (received <= 0 || (message.msg_flags & MSG_CTRUNC))
            return false;
        x->len += (size_t)received;
        end = final_line_end(x);
    }
    if (end != NULL)
        x->len = (size_t)(end - x->line);
    return end != NULL;
}

/* Write the question into a line, send it and read the answer; false: none was received.  What the
 * daemon has said before it hung up counts, even if the line could not be sent. */
static bool talk(struct exchange *x, const struct pam_request *request, const struct question *q,
                 const uint8_t digest[DIGEST_SIZE], struct answer *a)
{
    struct text line = text_in(x->line, sizeof(x->line));
    struct reply reply;
    bool sent;

    verify_line_write(&line, request->service, q);
    x->len = line.len;
    sent = !line.cut && send_line(x);
    explicit_bzero(x->line, line.len);
    if (line.cut) {
        a->status = JETON_MALFORMED; /* no store has a value that no line can hold */
        return true;
    }
    if (!receive_line(x, sent ? x->deadline : deadline_in(1)) ||
        !reply_parse(x->line, x->len, &reply))
        return false;
    a->status = verify_line_read(&reply.line, reply_status(&reply), digest, &a->claims);
    return true;
}

/* Connect, check who serves there, and only then ask.  False: to try again may help. */
static bool try_once(struct exchange *x, const struct pam_request *request,
                     const struct question *q, const uint8_t digest[DIGEST_SIZE], struct answer *a)
{
    int fd = server_connect(request->socket, x->deadline);
    int error = fd < 0 ? fd : server_check(fd, request->socket);
    bool done;

    if (error == 0)
        error = fd_identity_set(&x->identity, fd);
    if (error != 0) {
        if (fd >= 0)
            close(fd);
        done = error == -EPERM || error == -ELOOP || error == -EACCES;
        a->error = done ? error : 0;
        return done;
    }
    done = talk(x, request, q, digest, a);
    fd_identity_close(&x->identity);
    return done;
}

void ask(const struct pam_request *request, const char *user, const char *value, struct answer *a)
{
    struct question q = {
        .value = slice_of(value),
        .scopes = slice_of(request->scopes),
        .subject = slice_of(user),
    };
    struct api_guard guard = api_guard_begin();
    uint8_t digest[DIGEST_SIZE];
    struct exchange x;

    *a = (struct answer){ .status = JETON_UNAVAILABLE, .claims = JETON_CLAIMS_INIT };
    x.deadline = deadline_in((unsigned)request->timeout * 1000);
    blake_plain(q.value, TOKEN_PERSONAL, digest);
    for (int i = 0; i < TRIES && !try_once(&x, request, &q, digest, a); i++)
        ;
    api_guard_end(guard);
}
