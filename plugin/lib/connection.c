/* SPDX-License-Identifier: Apache-2.0 */
/* The socket, and whom to believe at its other end.
 *
 * Who serves?  SO_PEERCRED gives the user who listens.  That must be root, the caller, or the owner
 * of the socket file, and nobody else may have been able to put that file there:
 *   - every directory on the path, and the socket, is owned by root, the caller or the server;
 *   - no directory can be written by group or others, unless it is sticky; then what lies in it
 *     must be root's or the caller's;
 *   - nothing on the path is a symbolic link.
 * This is checked after connecting: whoever could change the path between the two is believed.
 *
 * Whose descriptor?  The host may close ours and open something else under the same number.  A
 * socket's inode is its own, so device and inode are compared before each use, and before close().
 *
 * Which reply?  They come in the order of the questions.  A descriptor comes with its reply's first
 * byte, and the kernel delivers no other reply behind it in the same recvmsg(), so one at most has
 * arrived and is not taken.  More, or one that nobody asked for, ends the link. */
#include "plugin/lib/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RECEIVES_MAX = 64,   /* in one step, so that a flood of replies does not hold it up */
    DESCRIPTORS_MAX = 8, /* room for those that should not come */
};

static int connect_to(const char *path, int64_t deadline);
static int check_server(int fd, const char *path);
static int receive(struct connection *l);
static int take_descriptors(struct connection *l, struct msghdr *message);
static int take_reply(struct connection *l);
static void answer(struct connection *l, struct connection_reply *reply);

/* -- opening and closing ----------------------------------------------------------------------- */

/* `held` goes last and is taken back first: a child that is forked in between closes nothing. */
static int remember(struct fd_identity *mark, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    mark->fd = fd;
    mark->device = st.st_dev;
    mark->inode = st.st_ino;
    mark->held = true;
    return 0;
}

static bool is_ours(const struct fd_identity *mark)
{
    struct stat st;

    return mark->held && fstat(mark->fd, &st) == 0 && st.st_dev == mark->device &&
           st.st_ino == mark->inode;
}

void connection_release(struct fd_identity *mark)
{
    bool ours = is_ours(mark);

    mark->held = false;
    if (ours)
        close(mark->fd);
}

int connection_open(struct connection *l, struct fd_identity *mark, const char *path,
                    int64_t deadline)
{
    int fd = connect_to(path, deadline);
    if (fd < 0)
        return fd;
    int error = check_server(fd, path);
    connection_drop(l);
    connection_release(mark);
    if (error == 0)
        error = remember(mark, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    l->mark = mark;
    l->no_table = l->no_used = false;
    l->arrived = -1;
    l->in_len = l->out_begin = l->out_end = 0;
    return 0;
}

/* Not 0, 1 or 2: where the host has closed those, it may yet write to them. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return above;
}

static int connect_to(const char *path, int64_t deadline)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int type = SOCK_STREAM | SOCK_CLOEXEC | (deadline == 0 ? SOCK_NONBLOCK : 0);
    int error, fd = above_standard(socket(AF_UNIX, type, 0));

    if (fd < 0)
        return -errno;
    memcpy(address.sun_path, path, strlen(path) + 1);
    do {
        /* The send timeout also bounds the wait for a place in the listener's queue. */
        int64_t left = deadline != 0 ? deadline - deadline_now() : 1;
        struct timeval timeout = { left / 1000, left % 1000 * 1000 };
        if (left <= 0)
            error = ETIMEDOUT;
        else if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
                 connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            error = errno;
        else
            return fd;
    } while (error == EINTR);
    close(fd);
    return -error;
}

static int check_server(int fd, const char *path)
{
    char prefix[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct ucred server;
    socklen_t size = sizeof(server);
    struct stat st;
    bool last = false, sticky = false;
    uid_t self = geteuid();

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) < 0)
        return -errno;
    for (size_t len = 1; !last; len += strcspn(path + len, "/")) {
        memcpy(prefix, path, len);
        prefix[len] = '\0';
        if (lstat(prefix, &st) < 0)
            return -errno;
        last = path[len] == '\0';
        if (S_ISLNK(st.st_mode))
            return -ELOOP;
        if (last ? !S_ISSOCK(st.st_mode) : !S_ISDIR(st.st_mode))
            return last ? -ENOTSOCK : -ENOTDIR;
        if (st.st_uid != 0 && st.st_uid != self && (sticky || st.st_uid != server.uid))
            return -EPERM;
        sticky = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
        if (!last && sticky && !(st.st_mode & S_ISVTX))
            return -EPERM;
        len += strspn(path + len, "/");
    }
    return server.uid == 0 || server.uid == self || server.uid == st.st_uid ? 0 : -EPERM;
}

bool connection_connected(const struct connection *l)
{
    return l->mark != NULL && is_ours(l->mark);
}

bool connection_idle(const struct connection *l)
{
    char byte;
    return connection_connected(l) && l->count == 0 &&
           recv(l->mark->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void connection_drop(struct connection *l)
{
    if (l->mark != NULL) {
        connection_release(l->mark);
        l->mark = NULL;
        if (l->arrived >= 0)
            close(l->arrived);
        sodium_memzero(l->out + l->out_begin, l->out_end - l->out_begin);
        l->in_len = l->out_begin = l->out_end = 0;
    }
    /* What `done` asks anew goes behind these. */
    for (unsigned left = l->count; left > 0; left--) {
        answer(l, &(struct connection_reply){ .status = STATUS_UNAVAILABLE, .fd = -1 });
    }
}

/* -- questions --------------------------------------------------------------------------------- */

bool connection_ask(struct connection *l, struct slice request, bool descriptor,
                    connection_done *done, void *context, int64_t deadline)
{
    if (l->mark == NULL || l->count == CONNECTION_ASKED_MAX ||
        request.len > CONNECTION_OUT_MAX - l->out_end)
        return false;
    memcpy(l->out + l->out_end, request.at, request.len);
    l->out_end += request.len;
    l->asked[(l->first + l->count++) % CONNECTION_ASKED_MAX] = (struct asked){
        .done = done,
        .context = context,
        .deadline = deadline,
        .descriptor = descriptor,
    };
    return true;
}

int connection_send(struct connection *l)
{
    while (l->out_begin < l->out_end) {
        ssize_t sent = send(l->mark->fd, l->out + l->out_begin, l->out_end - l->out_begin,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : -errno;
        sodium_memzero(l->out + l->out_begin, (size_t)sent);
        l->out_begin += (size_t)sent;
    }
    l->out_begin = l->out_end = 0;
    return 0;
}

/* What was answered before the link broke still counts. */
int connection_step(struct connection *l)
{
    if (!connection_connected(l)) {
        connection_drop(l);
        return -EBADF;
    }
    int sent = connection_send(l);
    int error = receive(l);
    if (error == 0)
        error = sent;
    if (error != 0)
        connection_drop(l);
    return error;
}

bool connection_wait(const struct connection *l, int64_t deadline)
{
    struct pollfd poll_for = { .fd = l->mark->fd, .events = connection_events(l) };
    int64_t left = deadline - deadline_now();

    if (left <= 0)
        return false;
    poll(&poll_for, 1, left < INT32_MAX ? (int)left : INT32_MAX);
    return true;
}

short connection_events(const struct connection *l)
{
    return (short)(l->out_begin < l->out_end ? POLLIN | POLLOUT : POLLIN);
}

int64_t connection_deadline(const struct connection *l)
{
    int64_t first = CONNECTION_NO_DEADLINE;

    for (unsigned i = 0; i < l->count; i++) {
        int64_t deadline = l->asked[(l->first + i) % CONNECTION_ASKED_MAX].deadline;
        if (deadline < first)
            first = deadline;
    }
    return first;
}

/* -- replies ----------------------------------------------------------------------------------- */

static int receive(struct connection *l)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;

    for (int i = 0; i < RECEIVES_MAX && l->mark != NULL; i++) {
        struct iovec room = { l->in + l->in_len, sizeof(l->in) - l->in_len };
        struct msghdr message = {
            .msg_iov = &room,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof(control.bytes),
        };
        ssize_t got = recvmsg(l->mark->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got < 0)
            return -errno;
        int error = take_descriptors(l, &message);
        if (error == 0 && got == 0)
            error = -ECONNRESET;
        l->in_len += (size_t)got;
        while (error == 0 && (error = take_reply(l)) > 0)
            error = 0;
        if (error < 0)
            return error;
    }
    return 0;
}

/* A descriptor that found no room in this process (MSG_CTRUNC) is missing from its reply, and
 * that is all. */
static int take_descriptors(struct connection *l, struct msghdr *message)
{
    int fd, error = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len; at += sizeof(fd)) {
            memcpy(&fd, (const char *)c + at, sizeof(fd));
            if (l->arrived < 0) {
                l->arrived = fd;
            } else {
                close(fd);
                error = -EPROTO;
            }
        }
    }
    if ((error != 0 || (message->msg_flags & MSG_CTRUNC)) && l->arrived >= 0) {
        close(l->arrived);
        l->arrived = -1;
    }
    return error;
}

static bool wants_descriptor(const struct connection *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->asked[(l->first + i) % CONNECTION_ASKED_MAX].descriptor)
            return true;
    return false;
}

/* Says what a final line means to us: of an unknown word, only its kind is understood. */
static enum status known_status(const struct reply *reply)
{
    if (reply->status != STATUS_COUNT)
        return reply->status;
    return reply->kind == ANSWER_NO ? STATUS_DENIED : STATUS_UNAVAILABLE;
}

/* Takes the first line off the input buffer.  Returns 1; 0 if no line is complete; or -errno.  Data
 * lines are skipped unread: no request of ours asks for any. */
static int take_reply(struct connection *l)
{
    char bytes[LINE_MAX_BYTES];
    struct reply reply;
    const char *end = memchr(l->in, '\n', l->in_len);
    size_t len = end != NULL ? (size_t)(end - l->in) : 0;

    if (end == NULL && l->in_len < sizeof(l->in))
        return l->arrived < 0 || wants_descriptor(l) ? 0 : -EPROTO;
    if (end == NULL || l->count == 0)
        return -EPROTO;
    memcpy(bytes, l->in, len);
    l->in_len -= len + 1;
    memmove(l->in, end + 1, l->in_len);
    if (len > 0 && bytes[0] == '*')
        return 1;
    if (!reply_parse(bytes, len, &reply))
        return -EPROTO;
    answer(l, &(struct connection_reply){
                  .received = true,
                  .status = known_status(&reply),
                  .line = &reply.line,
                  .fd = -1,
              });
    return 1;
}

static void answer(struct connection *l, struct connection_reply *reply)
{
    struct asked asked = l->asked[l->first];

    l->first = (l->first + 1) % CONNECTION_ASKED_MAX;
    l->count--;
    if (asked.descriptor && reply->received) {
        reply->fd = l->arrived;
        l->arrived = -1;
    }
    asked.done(asked.context, reply);
    if (reply->fd >= 0)
        close(reply->fd);
}
