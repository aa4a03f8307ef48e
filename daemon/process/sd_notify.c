/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/sd_notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "proto/text.h"

static int connect_to(const char *name);
static uint64_t parse_watchdog(const char *microseconds, const char *pid);

void sd_notify_open(struct sd_notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *n = (struct sd_notify){
        .fd = name != NULL && name[0] != '\0' ? connect_to(name) : -1,
        .watchdog = parse_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")),
    };
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void sd_notify_close(struct sd_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

/* Connect to a path or, if the first byte is @, to an abstract socket, whose name has no NUL. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(address.sun_path)) {
        log_warning(
            "sd_notify: NOTIFY_SOCKET=%.120s: this should be a path, or @ and an abstract name",
            name);
        return -1;
    }
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, size) == 0)
        return fd;
    log_warning("sd_notify: NOTIFY_SOCKET=%.120s: %s", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static uint64_t parse_watchdog(const char *microseconds, const char *pid)
{
    uint64_t number, wanted;

    if (microseconds == NULL || !number_parse(slice_of(microseconds), INT64_MAX, &wanted))
        return 0;
    if (pid != NULL &&
        (!number_parse(slice_of(pid), INT32_MAX, &number) || (pid_t)number != getpid()))
        return 0;
    return wanted;
}

/* -- messages -------------------------------------------------------------------------------- */

/* False: the queue of the service manager is full. */
static bool notify(const struct sd_notify *n, const char *text)
{
    if (n->fd < 0 || send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return true;
    int error = errno;
    log_debug("sd_notify: %.40s was not sent: %s", text, strerror(error));
    return error != EAGAIN && error != ENOBUFS;
}

/* Each by itself, in order: the service manager takes only the last state of a message. */
void sd_notify_retry(struct sd_notify *n)
{
    if (n->reloading[0] != '\0' && !notify(n, n->reloading))
        return;
    n->reloading[0] = '\0';
    n->ready = n->ready && !notify(n, "READY=1");
}

void sd_notify_ready(struct sd_notify *n)
{
    n->ready = true;
    sd_notify_retry(n);
}

/* Send the time too, which tells this reload from the one before, see sd_notify(3). */
void sd_notify_reloading(struct sd_notify *n)
{
    snprintf(n->reloading, sizeof(n->reloading), "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)clock_monotonic() / 1000);
    n->ready = false; /* the end of this reload also reports that of the one before */
    sd_notify_retry(n);
}

void sd_notify_stopping(const struct sd_notify *n)
{
    notify(n, "STOPPING=1");
}

void sd_notify_alive(const struct sd_notify *n)
{
    notify(n, "WATCHDOG=1");
}

void sd_notify_status(const struct sd_notify *n, const char *format, ...)
{
    char text[256] = "STATUS=";
    va_list args;

    va_start(args, format);
    vsnprintf(text + strlen(text), sizeof(text) - strlen(text), format, args);
    va_end(args);
    notify(n, text);
}
