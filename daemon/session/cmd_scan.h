/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that read many records, by chunks that the writer's thread fills: list, show, export,
 * journal, watch. */
#ifndef JETON_DAEMON_SESSION_CMD_SCAN_H
#define JETON_DAEMON_SESSION_CMD_SCAN_H

#include "daemon/session/command.h"
#include "daemon/writer/change_request.h"

command cmd_scan;

/* Send a scan for its first chunk, or hold it until the changes before it are answered.  The session then owns it. */
void cmd_scan_begin(struct session *s, struct scan *scan);

/* Begin a change of many tokens, which is a scan, too; its answer comes behind those of the changes
 * before it. */
void cmd_scan_change(struct run *run, const struct request *r,
                     const struct change_request_context *context);

/* Send the session's scan for its next chunk once the client has taken in most of the last one.
 * False: it has not. */
bool cmd_scan_next_chunk(struct session *s);

#endif
