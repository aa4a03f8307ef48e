/* SPDX-License-Identifier: Apache-2.0 */
/* Find out whether the daemon answers: a `ping` over its verify socket, on the event loop.  The main
 * thread. */
#ifndef JETON_PLUGIN_GATEWAY_HEALTH_H
#define JETON_PLUGIN_GATEWAY_HEALTH_H

#include <event2/event.h>
#include <stdbool.h>

struct health_probe;

typedef void health_done(void *context, bool alive);

/* Begin a probe; call `done` once, later.  NULL: it cannot be made, and `done` is not called. */
struct health_probe *health_begin(struct event_base *base, const char *socket, health_done *done,
                                  void *context);

/* Give it up: `done` is not called.  NULL is allowed. */
void health_cancel(struct health_probe *probe);

#endif
