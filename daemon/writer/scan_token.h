/* SPDX-License-Identifier: Apache-2.0 */
/* What scans show of one token.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_TOKEN_H
#define JETON_DAEMON_WRITER_SCAN_TOKEN_H

#include "daemon/writer/scan_step.h"

/* Add the data line of the token that was read last, with what it begins with; it must fit. */
void scan_token_put(struct step *s, const char *head, const struct record *r);

#endif
