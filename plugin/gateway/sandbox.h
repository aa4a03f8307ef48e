/* SPDX-License-Identifier: Apache-2.0 */
/* Give up what the process does not need.  Each step logs what it could not do. */
#ifndef JETON_PLUGIN_GATEWAY_SANDBOX_H
#define JETON_PLUGIN_GATEWAY_SANDBOX_H

#include "plugin/gateway/config_file.h"

/* Restrict, for good, files by Landlock and system calls by seccomp: after the sockets are open, before
 * there are other threads. */
void sandbox_enter(const struct config *c, const struct config_source *source);

#endif
