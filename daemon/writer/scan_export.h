/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an export, and their checksum, which its last line has: BLAKE2b-256 of all lines before
 * that with their line ends, as b2sum -l 256 computes it.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_EXPORT_H
#define JETON_DAEMON_WRITER_SCAN_EXPORT_H

#include "daemon/writer/scan_step.h"

/* Add the line of a token. */
void scan_export_put(struct step *s, const struct record *r);

/* Begin the checksum with the first step.  Tokens of the fleet are exported only if a group is asked for: they are the
 * database's, and what imported them would make others of them. */
void scan_export_begin(struct scan *scan);

/* Add a chunk without a final line to the checksum. */
void scan_export_sum(struct step *s);

/* Add the chunk to the checksum, and write the final line behind it. */
void scan_export_finish(struct step *s);

#endif
