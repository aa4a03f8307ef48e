/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: open them, accept connections within the limits.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_LISTENER_H
#define JETON_PLUGIN_GATEWAY_LISTENER_H

#include "plugin/gateway/listen_fds.h"

struct listener;

/* Take the inherited sockets, and open what the configuration names of a side that none was inherited
 * for.  NULL: *fault says why. */
struct listener *listener_open(const struct config *c, const struct listen_fds *inherited,
                               struct config_faults *faults);

/* Begin to accept. */
bool listener_start(struct listener *l, struct context *context);

/* Accept again what had to wait for descriptors. */
void listener_tick(struct listener *l);

/* Close the sockets, and remove what was created.  NULL is allowed. */
void listener_close(struct listener *l);

#endif
