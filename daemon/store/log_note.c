/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/log_note.h"

#include <sodium.h>

#include "daemon/store/stored_line.h"
#include "proto/line.h"
#include "proto/position.h"

/* Parse the record in a copy, which parsing changes. */
static bool parse(struct slice head, char bytes[LINE_MAX_BYTES], struct line *line)
{
    const char *why;

    head = stored_line_trimmed(head);
    if (head.len == 0 || head.len > LINE_MAX_BYTES)
        return false;
    memcpy(bytes, head.at, head.len);
    return line_parse(bytes, head.len, line, &why) == STATUS_OK;
}

/* Read NAME:SERIAL. */
static bool read_note(struct slice text, struct log_note *note)
{
    if (text.len <= EPOCH_TEXT + 1 || text.at[EPOCH_TEXT] != ':' ||
        !position_is_epoch((struct slice){ text.at, EPOCH_TEXT }))
        return false;
    memcpy(note->name, text.at, EPOCH_TEXT);
    return number_parse((struct slice){ text.at + EPOCH_TEXT + 1, text.len - EPOCH_TEXT - 1 },
                        INT64_MAX, &note->next) &&
           note->next > 0;
}

bool log_note_read(struct slice head, struct log_note *note)
{
    char bytes[LINE_MAX_BYTES];
    struct line line;

    memset(note, 0, sizeof(*note));
    if (slice_begins(head, "v=1 "))
        return true; /* whatever else it says */
    return slice_begins(head, "v=2 ") && parse(head, bytes, &line) &&
           read_note(line_get(&line, "log"), note);
}

bool log_note_write(struct text *t, struct slice head, const struct log_note *note)
{
    char bytes[LINE_MAX_BYTES];
    struct line line;

    if (!parse(head, bytes, &line))
        return false;
    text_adds(t, note->name[0] != '\0' ? "v=2" : "v=1");
    for (size_t i = 0; i < line.count; i++) {
        const struct argument *a = &line.argument[i];
        if (a->key.len == 0 || slice_is(a->key, "v") || slice_is(a->key, "log"))
            continue; /* a word without a key could be read as another with one */
        text_addc(t, ' ');
        text_add(t, a->key.at, a->key.len);
        text_addc(t, '=');
        line_put_word(t, a->value);
    }
    if (note->name[0] != '\0')
        text_addf(t, " log=%s:%llu", note->name, (unsigned long long)note->next);
    return !t->cut;
}

bool log_note_equal(const struct log_note *a, const struct log_note *b)
{
    return strcmp(a->name, b->name) == 0 && a->next == b->next;
}

void log_note_name(struct log_note *note)
{
    uint8_t bytes[EPOCH_TEXT / 2];
    struct text t = text_in(note->name, EPOCH_TEXT);

    randombytes_buf(bytes, sizeof(bytes));
    bytes[0] |= 0xa0; /* begin with a letter: position_is_epoch() */
    text_add_hex(&t, bytes, sizeof(bytes));
    note->name[EPOCH_TEXT] = '\0';
    note->next = 1;
}
