/* SPDX-License-Identifier: Apache-2.0 */
/* Fill the chunks of scans from store, creation index and journal.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_RUN_H
#define JETON_DAEMON_WRITER_SCAN_RUN_H

#include "daemon/base/user_names.h"
#include "daemon/writer/last_used.h"
#include "daemon/writer/scan.h"
#include "daemon/writer/writer_state.h"

struct scan_sources {
    struct writer *writer;
    struct last_used *last_used;
    struct user_names *names; /* NULL: none are shown */
};

/* Fill the next chunk.  False: a watch has nothing new, or names of users are looked up; call again
 * when the journal has grown, a name was found, a second is over, or the scan's `stop` is set. */
bool scan_run(struct scan *s, const struct scan_sources *from, int64_t now);

#endif
