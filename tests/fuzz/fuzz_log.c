/* SPDX-License-Identifier: Apache-2.0 */
/* Read the lines of a transaction in a store's log, and what a store notes of its log; written and read again,
 * they must be the same.
 *
 *     input = the body of a batch; and also the first record of a store */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "daemon/store/log_body.h"
#include "daemon/store/log_note.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0);
    return 0;
}

static bool is_within(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void write_line(struct log_body *b, enum log_line_kind kind, const struct log_line *line)
{
    bool written = kind == LOG_PUT    ? log_body_put(b, line->key, line->value) :
                   kind == LOG_REMOVE ? log_body_remove(b, line->key) :
                   kind == LOG_ENTRY  ? log_body_entry(b, line->value) :
                                        log_body_tokens(b, line->tokens);

    MUST(written);
}

static void check_same(struct slice body, struct slice again)
{
    enum log_line_kind kind;
    struct log_line a, b;

    do {
        kind = log_body_take(&body, &a);
        MUST(log_body_take(&again, &b) == kind);
        if (kind == LOG_END || kind == LOG_WRONG)
            return;
        MUST(slice_equal(a.key, b.key) && a.tokens == b.tokens);
        MUST(kind == LOG_TOKENS || slice_equal(a.value, b.value));
    } while (true);
}

static void check_body(struct slice body)
{
    struct log_body written = { NULL, 0, 0 };
    struct slice rest = body;
    enum log_line_kind kind;
    struct log_line line;

    while ((kind = log_body_take(&rest, &line)) != LOG_END && kind != LOG_WRONG) {
        MUST(is_within(line.key, body) && is_within(line.value, body) && is_within(rest, body));
        if (kind == LOG_TOKENS)
            line.key = line.value = (struct slice){ NULL, 0 };
        write_line(&written, kind, &line);
    }
    if (kind == LOG_END)
        check_same(body, log_body_slice(&written));
    log_body_free(&written);
}

static void check_note(struct slice head)
{
    char bytes[512];
    struct text t = text_in(bytes, sizeof(bytes));
    struct log_note note, again;

    if (!log_note_read(head, &note) || !log_note_write(&t, head, &note))
        return;
    text_addc(&t, ' '); /* it is filled up in the store */
    MUST(log_note_read(text_slice(&t), &again) && log_note_equal(&note, &again));
    MUST((note.name[0] != '\0') == slice_begins(text_slice(&t), "v=2"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = { (const char *)data, size };

    check_body(input);
    check_note(input);
    return 0;
}
