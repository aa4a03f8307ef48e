/* SPDX-License-Identifier: Apache-2.0 */
/* `jeton stats`: statistics for people, for scripts and for Prometheus. */
#ifndef JETON_PLUGIN_CLI_STATS_H
#define JETON_PLUGIN_CLI_STATS_H

#include "plugin/cli/request.h"

enum cli_exit cli_stats(struct cli_request *c, const struct cli_view *view);

#endif
