/* SPDX-License-Identifier: Apache-2.0 */
/* A start that fails: answer those who connect to the inherited sockets for a second.  The sockets stay
 * open, and the next connection makes the service manager start the process again; without this, it
 * would do so without end, and clients would wait. */
#ifndef JETON_PLUGIN_GATEWAY_REFUSAL_H
#define JETON_PLUGIN_GATEWAY_REFUSAL_H

#include "plugin/gateway/listen_fds.h"

void refusal_serve(const struct listen_fds *inherited);

#endif
