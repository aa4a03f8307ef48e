/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does before anything else.  The only thread. */
#ifndef JETON_PLUGIN_SERVICE_PROCESS_H
#define JETON_PLUGIN_SERVICE_PROCESS_H

/* No core dumps, no tracing by other processes, no rights gained by execve(), files for this user only:
 * secrets are in the memory.  What cannot be done is logged. */
void process_hide_secrets(void);

#endif
