/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, see sd_notify(3) and sd_watchdog_enabled(3).  The
 * main thread only.  Nothing happens when nobody wants to know, and a manager that does not listen
 * holds up nothing for more than a second. */
#ifndef JETON_NOTIFY_H
#define JETON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
    int fd;                     /* connected to NOTIFY_SOCKET; -1: nobody wants to know */
    uint64_t watchdog;          /* microseconds within which it wants a sign of life; 0: none */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment.
 * Connects now, because an abstract socket may be out of reach later. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

void notify_ready(const struct notify *n);
void notify_reloading(const struct notify *n);      /* notify_ready() must follow */
void notify_stopping(const struct notify *n);
void notify_alive(const struct notify *n);

/* One line for people. */
void notify_status(const struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
