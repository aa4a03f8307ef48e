/* SPDX-License-Identifier: Apache-2.0 */
/* The line that asks the daemon to verify a token, and the line that it answers.  No state; any
 * thread. */
#ifndef JETON_PLUGIN_LIB_VERIFY_LINE_H
#define JETON_PLUGIN_LIB_VERIFY_LINE_H

#include "plugin/lib/jeton.h"
#include "proto/line.h"
#include "proto/verdict.h"

/* Write the request, with its line end; `service` may be "".  If the text is cut, no line can hold
 * the question. */
void verify_line_write(struct text *line, const char *service, const struct question *q);

/* Read the final line of a reply (NULL: none was received) and its status (of reply_status()) into
 * the claims, and return the answer.  `digest` is that of the value that was sent. */
enum jeton_status verify_line_read(const struct line *line, enum status status,
                                   const uint8_t digest[DIGEST_SIZE], struct jeton_claims *claims);

#endif
