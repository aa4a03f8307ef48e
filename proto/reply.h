/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: data lines beginning with '*', then one final line.  Level 2.
 *
 *     reply_begin(t, STATUS_PENDING);  line_put_u64(t, "retry_after", 9);  reply_end(t, ..., NULL);
 */
#ifndef JETON_REPLY_H
#define JETON_REPLY_H

#include "line.h"

/* Begins a final line: "OK", "NO reason" or "ERR code". */
void reply_begin(struct text *t, enum status status);

/* Ends it.  NO and ERR get message="…": `message`, or the status's meaning if NULL. */
void reply_end(struct text *t, enum status status, const char *message);

/* A whole final line without fields. */
void reply_plain(struct text *t, enum status status, const char *message);

#endif
