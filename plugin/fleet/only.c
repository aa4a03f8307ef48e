/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/only.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "proto/limits.h"
#include "proto/token.h"

const char *only_take(const char *path)
{
    static char why[256];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint8_t digest[DIGEST_SIZE];
    char name[33];
    struct text t = text_in(name, sizeof(name) - 1);

    token_digest(slice_of(path), digest);
    text_add_hex(&t, digest, 16);
    name[t.len] = '\0';
    const int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "jeton-fleet/%s",
                             name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
        return NULL; /* the descriptor is kept for as long as the process lasts */
    if (errno == EADDRINUSE)
        snprintf(why, sizeof(why),
                 "another jeton-fleet runs for %.107s: there is one for each jetond; stop it first",
                 path);
    else
        snprintf(why, sizeof(why), "it cannot be made sure that this is the only jeton-fleet: %s",
                 strerror(errno));
    return why;
}
