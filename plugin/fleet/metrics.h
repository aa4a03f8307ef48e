/* SPDX-License-Identifier: Apache-2.0 */
/* Write figures for Prometheus, as a file that node_exporter's textfile collector reads.  One thread. */
#ifndef JETON_PLUGIN_FLEET_METRICS_H
#define JETON_PLUGIN_FLEET_METRICS_H

#include "plugin/fleet/context.h"

enum { METRICS_TEXT_MAX = 8192 };

/* Write the file if it is time; `now` is in monotonic milliseconds. */
void metrics_tick(struct context *c, int64_t now);

/* Add all figures. */
void metrics_write(const struct context *c, struct text *t);

#endif
