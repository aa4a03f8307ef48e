/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, see sd_notify(3) and sd_watchdog_enabled(3).  The
 * main thread only.  Nothing happens when nobody wants to know, and a manager that does not listen
 * holds up nothing for more than a second. */
#ifndef JETON_DAEMON_SD_NOTIFY_H
#define JETON_DAEMON_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct sd_notify {
    int fd;            /* connected to NOTIFY_SOCKET; -1: nobody wants to know */
    uint64_t watchdog; /* microseconds within which it wants a sign of life; 0: none */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment.
 * Connects now, because an abstract socket may be out of reach later. */
void sd_notify_open(struct sd_notify *n);
void sd_notify_close(struct sd_notify *n);

void sd_notify_ready(const struct sd_notify *n);
void sd_notify_reloading(const struct sd_notify *n); /* sd_notify_ready() must follow */
void sd_notify_stopping(const struct sd_notify *n);
void sd_notify_alive(const struct sd_notify *n);

/* One line for people. */
void sd_notify_status(const struct sd_notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
