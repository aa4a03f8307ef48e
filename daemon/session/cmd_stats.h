/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of `stats` about the daemon itself: what protects it, and how long its work takes. */
#ifndef JETON_DAEMON_SESSION_CMD_STATS_H
#define JETON_DAEMON_SESSION_CMD_STATS_H

#include "daemon/session/context.h"

enum { FIGURES_MAX = 16 * 1024 }; /* bytes that it adds at most */

/* Adds the lines; returns how many. */
uint64_t figures_put(const struct server *server, struct text *t);

#endif
