/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/reply.h"

void reply_begin_refusal(struct text *t, enum status status)
{
    const struct status_row *row = status_row(status);

    text_adds(t, row->kind == ANSWER_NO ? "NO " : "ERR ");
    text_adds(t, row->word);
}

/* A meaning needs quotes, and no escapes: floods are answered with it. */
void reply_end_refusal(struct text *t, enum status status, const char *message)
{
    if (message != NULL) {
        line_puts(t, "message", message);
        return;
    }
    text_adds(t, " message=\"");
    text_adds(t, status_row(status)->meaning);
    text_addc(t, '"');
}

void reply_plain(struct text *t, enum status status, const char *message)
{
    reply_begin(t, status);
    reply_end(t, status, message);
}

/* Read the first word of a final line, and the second word of a NO or an ERR. */
static bool read_words(struct reply *reply)
{
    static const char *const kinds[] = {
        [ANSWER_OK] = "OK",
        [ANSWER_NO] = "NO",
        [ANSWER_ERR] = "ERR",
    };
    const struct argument *word = reply->line.argument;

    if (reply->line.count == 0 || word[0].key.len > 0)
        return false;
    while (!slice_is(word[0].value, kinds[reply->kind]))
        if (reply->kind++ == ANSWER_ERR)
            return false;
    if (reply->kind == ANSWER_OK)
        return true;
    if (reply->line.count < 2 || word[1].key.len > 0)
        return false;
    reply->word = word[1].value;
    reply->status = status_named(reply->kind, reply->word);
    return true;
}

bool reply_parse(char *bytes, size_t len, struct reply *reply)
{
    const char *why;

    reply->kind = ANSWER_OK;
    reply->status = STATUS_OK;
    reply->word = (struct slice){ NULL, 0 };
    reply->final = len == 0 || bytes[0] != '*' || (len > 1 && bytes[1] != ' ');
    if (!reply->final) {
        bytes++;
        len--;
    }
    return line_parse(bytes, len, &reply->line, &why) == STATUS_OK &&
           (!reply->final || read_words(reply));
}

enum status reply_status(const struct reply *reply)
{
    if (reply->status != STATUS_COUNT)
        return reply->status;
    return reply->kind == ANSWER_NO ? STATUS_DENIED : STATUS_UNAVAILABLE;
}
