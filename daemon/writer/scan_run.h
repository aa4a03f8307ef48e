/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the chunks of scans out of store, order and journal.  The writer's thread only. */
#ifndef JETON_SCANNER_H
#define JETON_SCANNER_H

#include "daemon/writer/last_used.h"
#include "daemon/writer/scan.h"
#include "daemon/writer/commit.h"

struct scanner_sources {
    struct writer *writer;
    struct lastuse *lastuse;
};

/* Fills the next chunk.  False: a watch has nothing to say now; step again when the journal has
 * grown or the scan's `stop` is set. */
bool scanner_step(struct scan *s, const struct scanner_sources *from, int64_t now);

#endif
