/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/only.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/service/log.h"
#include "proto/limits.h"
#include "proto/token.h"

static socklen_t name_lock(struct sockaddr_un *address, const char *path)
{
    uint8_t digest[DIGEST_SIZE];
    char name[33];
    struct text t = text_in(name, sizeof(name) - 1);

    token_digest(slice_of(path), digest);
    text_add_hex(&t, digest, 16);
    name[t.len] = '\0';
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    const int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "jeton-fleet/%s",
                             name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* True if whoever has the lock is root or this user, and so an agent. */
static bool is_agents(const struct sockaddr_un *address, socklen_t size)
{
    struct ucred holder;
    socklen_t len = sizeof(holder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return true;
    const bool known = connect(fd, (const struct sockaddr *)address, size) == 0 &&
                       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &len) == 0;
    close(fd);
    return known && (holder.uid == 0 || holder.uid == geteuid());
}

const char *only_take(const char *path)
{
    static char why[256];
    struct sockaddr_un address;
    const socklen_t size = name_lock(&address, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0)
        return NULL; /* the descriptor is kept for as long as the process lasts */
    const int error = errno;
    if (fd >= 0)
        close(fd);
    if (error != EADDRINUSE) {
        snprintf(why, sizeof(why), "it cannot be made sure that this is the only jeton-fleet: %s",
                 strerror(error));
        return why;
    }
    if (!is_agents(&address, size)) {
        log_write(LOG_WARNING,
                  "another user holds the lock of agents for %.107s, and is no agent: "
                  "it is passed over",
                  path);
        return NULL;
    }
    snprintf(why, sizeof(why),
             "another jeton-fleet runs for %.107s: there is one for each jetond; stop it first",
             path);
    return why;
}
