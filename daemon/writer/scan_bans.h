/* SPDX-License-Identifier: Apache-2.0 */
/* The bans of an export.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_BANS_H
#define JETON_DAEMON_WRITER_SCAN_BANS_H

#include "daemon/writer/scan.h"

/* Add lines with the next bans, as many as fit; the result is that of store_walk_bans(). */
enum store_found scan_bans_put(struct scan *scan, struct store *store, struct text *lines,
                               struct problem *problem);

#endif
