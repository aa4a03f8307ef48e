/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/service/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/text.h"

static int notify_fd = -1;
static int64_t watchdog; /* milliseconds */

static int connect_to(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, size) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int64_t parse_watchdog(const char *microseconds, const char *pid)
{
    uint64_t number, wanted;

    if (microseconds == NULL || !number_parse(slice_of(microseconds), INT64_MAX, &wanted))
        return 0;
    if (pid != NULL &&
        (!number_parse(slice_of(pid), INT32_MAX, &number) || (pid_t)number != getpid()))
        return 0;
    return (int64_t)(wanted / 1000);
}

void notify_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");

    notify_fd = name != NULL ? connect_to(name) : -1;
    watchdog = parse_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_send(const char *state)
{
    if (notify_fd >= 0)
        send(notify_fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* With the time, which tells this reload from the one before. */
void notify_reloading(void)
{
    struct timespec now;
    char state[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(state);
}

int64_t notify_watchdog(void)
{
    return notify_fd >= 0 ? watchdog : 0;
}
