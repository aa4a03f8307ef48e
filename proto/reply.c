/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/reply.h"

void reply_begin_refusal(struct text *t, enum status status)
{
    const struct status_row *row = status_row(status);

    text_adds(t, row->kind == ANSWER_NO ? "NO " : "ERR ");
    text_adds(t, row->word);
}

void reply_plain(struct text *t, enum status status, const char *message)
{
    reply_begin(t, status);
    reply_end(t, status, message);
}
