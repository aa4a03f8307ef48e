/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/input.h"

#include <errno.h>
#include <sys/socket.h>

ssize_t socket_io_receive(struct session *s)
{
    size_t room = SESSION_ROOM - iobuf_len(&s->in);

    if (room == 0)
        return -EAGAIN;
    char *to = iobuf_reserve(&s->in, room);
    if (to == NULL)
        return -ENOMEM;
    ssize_t len = recv(s->fd, to, room, MSG_DONTWAIT);
    int error = errno;
    if (len > 0)
        iobuf_commit(&s->in, (size_t)len);
    else
        iobuf_consume(&s->in, 0);
    return len < 0 ? -error : len;
}
