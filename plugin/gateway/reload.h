/* SPDX-License-Identifier: Apache-2.0 */
/* Load the configuration again in a thread of its own: files and the daemon may make it wait, and
 * requests go on meanwhile.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_RELOAD_H
#define JETON_PLUGIN_GATEWAY_RELOAD_H

#include "plugin/gateway/context.h"

/* Prepare: before system calls are restricted. */
bool reload_init(struct context *context, const struct config_source *source);

/* Begin; or do it once more after the one that is in progress. */
void reload_begin(void);

/* Free rules that are no longer needed. */
void reload_tick(void);

/* Free what belongs to it, and what is in force.  False: its thread still waits for something, and
 * uses what is not freed; so the process is to be ended without more ado. */
bool reload_end(void);

#endif
