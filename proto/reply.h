/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: data lines beginning with '*', then one final line.
 *
 *     reply_begin(t, STATUS_PENDING);  line_put_u64(t, "retry_after", 9);  reply_end(t, ..., NULL);
 */
#ifndef JETON_PROTO_REPLY_H
#define JETON_PROTO_REPLY_H

#include "proto/line.h"

/* What reply_begin() does with what is not OK. */
void reply_begin_refusal(struct text *t, enum status status);

/* Begins a final line: "OK", "NO reason" or "ERR code". */
static inline void reply_begin(struct text *t, enum status status)
{
    if (status == STATUS_OK)
        text_adds(t, "OK");
    else
        reply_begin_refusal(t, status);
}

/* Ends it.  NO and ERR get message="…": `message`, or the status's meaning if NULL. */
static inline void reply_end(struct text *t, enum status status, const char *message)
{
    if (status != STATUS_OK)
        line_puts(t, "message", message != NULL ? message : status_row(status)->meaning);
    text_addc(t, '\n');
}

/* A whole final line without fields. */
void reply_plain(struct text *t, enum status status, const char *message);

#endif
