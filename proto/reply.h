/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a reply: data lines that begin with '*', then one final line.  Written by the
 * daemon, read by libjeton and the jeton command.  No state; any thread.
 *
 *     reply_begin(t, STATUS_PENDING);
 *     line_put_u64(t, "retry_after", 9);
 *     reply_end(t, STATUS_PENDING, NULL); */
#ifndef JETON_PROTO_REPLY_H
#define JETON_PROTO_REPLY_H

#include "proto/line.h"

/* Begin a final line that is not OK; for reply_begin() only. */
void reply_begin_refusal(struct text *t, enum status status);

/* Begin a final line: "OK", "NO reason" or "ERR code". */
static inline void reply_begin(struct text *t, enum status status)
{
    if (status == STATUS_OK)
        text_adds(t, "OK");
    else
        reply_begin_refusal(t, status);
}

/* Add the message of a final line that is not OK; for reply_end() only. */
void reply_end_refusal(struct text *t, enum status status, const char *message);

/* End the final line.  NO and ERR get message="…": `message`, or the status's meaning if NULL. */
static inline void reply_end(struct text *t, enum status status, const char *message)
{
    if (status != STATUS_OK)
        reply_end_refusal(t, status, message);
    text_addc(t, '\n');
}

/* Write a whole final line without fields. */
void reply_plain(struct text *t, enum status status, const char *message);

/* One parsed line of a reply. */
struct reply {
    bool final;            /* false: a data line, which is neither NO nor ERR */
    enum answer_kind kind; /* OK, NO or ERR */
    enum status status;    /* STATUS_COUNT: a reason or code that this version does not know */
    struct slice word;     /* the reason of a NO, the code of an ERR; empty for OK */
    struct line line;      /* the fields behind a data line's '*', or the whole final line */
};

/* Parse a line without its line end.  Quoted values are decoded in place, so the bytes change, and
 * the reply points into them.  False: no reply has such a line, and *reply is undefined. */
bool reply_parse(char *bytes, size_t len, struct reply *reply);

/* Return the status of a final line.  For a word that this version does not know, the kind decides:
 * STATUS_DENIED or STATUS_UNAVAILABLE. */
enum status reply_status(const struct reply *reply);

#endif
