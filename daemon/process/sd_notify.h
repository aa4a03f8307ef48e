/* SPDX-License-Identifier: Apache-2.0 */
/* Notify the service manager, see sd_notify(3) and sd_watchdog_enabled(3).  The main thread only.
 *
 * Without NOTIFY_SOCKET the functions do nothing.  None of them waits for a service manager that does
 * not read: RELOADING=1 and READY=1 are kept and sent later, and all else is dropped. */
#ifndef JETON_DAEMON_PROCESS_SD_NOTIFY_H
#define JETON_DAEMON_PROCESS_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct sd_notify {
    int fd;             /* connected to NOTIFY_SOCKET; -1: there is none */
    uint64_t watchdog;  /* microseconds within which it expects WATCHDOG=1; 0: it does not */
    char reloading[64]; /* RELOADING=1, not sent yet; "": none */
    bool ready;         /* READY=1 is to be sent after that */
};

/* Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, remove them from the environment, and
 * connect: the sandbox may forbid it later. */
void sd_notify_open(struct sd_notify *n);
void sd_notify_close(struct sd_notify *n);

/* Send READY=1, RELOADING=1, STOPPING=1 and WATCHDOG=1. */
void sd_notify_ready(struct sd_notify *n);
void sd_notify_reloading(struct sd_notify *n); /* sd_notify_ready() must follow */
void sd_notify_stopping(const struct sd_notify *n);
void sd_notify_alive(const struct sd_notify *n);

/* Send what is kept.  Call it once a second. */
void sd_notify_retry(struct sd_notify *n);

/* Send STATUS=, one line for people. */
void sd_notify_status(const struct sd_notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
