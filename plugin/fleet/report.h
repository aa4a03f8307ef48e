/* SPDX-License-Identifier: Apache-2.0 */
/* Tell the database how far this host is: soon after its place has moved, and otherwise each ten seconds.  One
 * thread. */
#ifndef JETON_PLUGIN_FLEET_REPORT_H
#define JETON_PLUGIN_FLEET_REPORT_H

#include "plugin/fleet/context.h"

/* There is something to tell. */
void report_due(struct context *c);

/* Tell it if it is time; `now` is in monotonic milliseconds. */
void report_tick(struct context *c, int64_t now);

#endif
