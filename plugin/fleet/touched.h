/* SPDX-License-Identifier: Apache-2.0 */
/* Once a minute, report to the database when tokens were used last here: only of those whose use is an hour newer than what was
 * reported before.  One thread. */
#ifndef JETON_PLUGIN_FLEET_TOUCHED_H
#define JETON_PLUGIN_FLEET_TOUCHED_H

#include "plugin/fleet/context.h"

/* Begin if it is time; `now` is in monotonic milliseconds. */
void touched_tick(struct context *c, int64_t now);

#endif
