/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

void reply_begin(struct text *t, enum status status)
{
    static const char *const kinds[] = {
        [ANSWER_OK] = "OK", [ANSWER_NO] = "NO ", [ANSWER_ERR] = "ERR ",
    };
    const struct status_row *row = status_row(status);

    text_adds(t, kinds[row->kind]);
    if (row->kind != ANSWER_OK)
        text_adds(t, row->word);
}

void reply_end(struct text *t, enum status status, const char *message)
{
    const struct status_row *row = status_row(status);

    if (row->kind != ANSWER_OK)
        line_puts(t, "message", message != NULL ? message : row->meaning);
    text_addc(t, '\n');
}

void reply_plain(struct text *t, enum status status, const char *message)
{
    reply_begin(t, status);
    reply_end(t, status, message);
}
