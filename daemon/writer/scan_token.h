/* SPDX-License-Identifier: Apache-2.0 */
/* What scans show of one token.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_TOKEN_H
#define JETON_DAEMON_WRITER_SCAN_TOKEN_H

#include "daemon/writer/scan_step.h"

/* Read a token as verifiers see it: a denial may be in force in memory alone.  But SLOT_DISABLED of
 * a revoked token may be left from a disable that was refused. */
enum store_found scan_token_read(struct step *s, const uint8_t id[ID_SIZE], struct record *r);

/* Add the data line of the token that was read last, with what it begins with; it must fit. */
void scan_token_put(struct step *s, const char *head, const struct record *r);

#endif
