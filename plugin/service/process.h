/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does before anything else.  The only thread. */
#ifndef JETON_PLUGIN_SERVICE_PROCESS_H
#define JETON_PLUGIN_SERVICE_PROCESS_H

#include <stdbool.h>

/* Open /dev/null on those of descriptors 0 to 2 that are closed.  A socket would get their number, and
 * the log would be written into it.  False: that failed. */
bool process_open_streams(void);

/* No core dumps, no tracing by other processes, no rights gained by execve(), files for this user only:
 * secrets are in the memory.  What cannot be done is logged. */
void process_hide_secrets(void);

#endif
