/* SPDX-License-Identifier: Apache-2.0 */
/* Report to the service manager, see sd_notify(3); without one, nothing is done.  The main thread. */
#ifndef JETON_PLUGIN_SERVICE_NOTIFY_H
#define JETON_PLUGIN_SERVICE_NOTIFY_H

#include <stdint.h>

/* Connect to it, and take its variables out of the environment. */
void notify_open(void);

/* Send a state, such as "READY=1". */
void notify_send(const char *state);

/* Send that the configuration is being loaded, with the time. */
void notify_reloading(void);

/* Return after how many milliseconds at most the watchdog wants to hear from us; 0: never. */
int64_t notify_watchdog(void);

#endif
