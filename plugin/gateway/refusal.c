/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/refusal.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/service/monotonic.h"
#include "plugin/http/response.h"

enum {
    MILLISECONDS = 1000,
    REQUEST_MILLISECONDS = 100, /* for a request to come, once its connection is there */
    DROP_MAX = 8192,
};

static void refuse(int listening)
{
    char response[256], dropped[DROP_MAX];
    struct text t = text_in(response, sizeof(response));
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    /* Who finds the connection closed before the request is sent may never read the answer. */
    poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, REQUEST_MILLISECONDS);
    http_response_plain(&t, 503, NULL, (struct slice){ "", 0 }, true, HTTP_CLOSE);
    send(fd, t.at, t.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT); /* so that closing resets nothing */
    close(fd);
}

void refusal_serve(const struct listen_fds *inherited)
{
    struct pollfd fds[LISTEN_FDS_MAX];
    const int64_t until = monotonic_ms() + MILLISECONDS;

    for (unsigned i = 0; i < inherited->count; i++)
        fds[i] = (struct pollfd){ .fd = inherited->socket[i].fd, .events = POLLIN };
    for (int64_t left; inherited->count > 0 && (left = until - monotonic_ms()) > 0;) {
        if (poll(fds, inherited->count, (int)left) <= 0)
            continue;
        for (unsigned i = 0; i < inherited->count; i++)
            if (fds[i].revents != 0)
                refuse(fds[i].fd);
    }
}
