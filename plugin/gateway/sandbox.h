/* SPDX-License-Identifier: Apache-2.0 */
/* Give up what the process does not need.  Each step logs what it could not do. */
#ifndef JETON_PLUGIN_GATEWAY_SANDBOX_H
#define JETON_PLUGIN_GATEWAY_SANDBOX_H

#include "plugin/gateway/config_file.h"

/* Disable core dumps, tracing by other processes, and gaining rights by execve(): token values are in
 * the memory. */
void sandbox_secrets(void);

/* Restrict, for good, files by Landlock and system calls by seccomp: after the sockets are open, before
 * there are other threads. */
void sandbox_enter(const struct config *c, const struct config_source *source);

#endif
