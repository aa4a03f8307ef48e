/* SPDX-License-Identifier: Apache-2.0 */
/* Write and read the body of a batch of the store's log: what one transaction puts, removes and adds
 * to the journal, as lines.
 *
 *     put KEY VALUE       a record of the store, as it is written there, without spaces behind it
 *     remove KEY
 *     entry ENTRY         a new entry of the journal: serial=… time=… event=…
 *     tokens N            how many token records there are after it
 *
 * No I/O; one thread for each body. */
#ifndef JETON_DAEMON_STORE_LOG_BODY_H
#define JETON_DAEMON_STORE_LOG_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/text.h"

/* A body that is being written; an empty one is all zeros. */
struct log_body {
    char *bytes;
    size_t len;
    size_t capacity;
};

void log_body_free(struct log_body *b);
void log_body_clear(struct log_body *b);

/* Add all lines of another body. */
bool log_body_add(struct log_body *b, const struct log_body *more);

/* Add a line, or a line for each entry.  False: no memory, or what is no line. */
bool log_body_put(struct log_body *b, struct slice key, struct slice value);
bool log_body_remove(struct log_body *b, struct slice key);
bool log_body_entry(struct log_body *b, struct slice entry);
bool log_body_entries(struct log_body *b, struct slice entries);
bool log_body_tokens(struct log_body *b, uint64_t tokens);

static inline struct slice log_body_slice(const struct log_body *b)
{
    return (struct slice){ b->bytes, b->len };
}

enum log_line_kind { LOG_PUT, LOG_REMOVE, LOG_ENTRY, LOG_TOKENS, LOG_END, LOG_WRONG };

struct log_line {
    struct slice key;
    struct slice value; /* or the entry, without its LF */
    uint64_t tokens;
};

/* Take the next line.  LOG_END: there is none; LOG_WRONG: it is none of these. */
enum log_line_kind log_body_take(struct slice *rest, struct log_line *line);

#endif
