/* SPDX-License-Identifier: Apache-2.0 */
/* Read a stored line: one of the common grammar, with spaces behind it, whose fields come once each.
 * The first field, v=, is the version of what the line describes. */
#ifndef JETON_DAEMON_STORE_STORED_LINE_H
#define JETON_DAEMON_STORE_STORED_LINE_H

#include <sys/types.h>

#include "proto/limits.h"
#include "proto/line.h"

enum { STORED_LINE_MAX = LINE_MAX_BYTES };

/* One field, and where its value goes. */
struct stored_field {
    struct slice key;
    bool (*read)(void *member, struct slice value);
    size_t offset; /* of the member */
};

struct stored_fields {
    const struct stored_field *field;
    size_t count;      /* at most 32 */
    size_t needed;     /* so many of them, from the first on, are required */
    const char *newer; /* what to reply to another version */
};

/* Read the line's fields into an object.  Return NULL, or what is wrong with the line. */
const char *stored_line_read(const struct stored_fields *fields, struct slice stored, void *into);

/* Trim the spaces behind a stored line, of which there may be hundreds. */
struct slice stored_line_trimmed(struct slice stored);

/* How to read a field: v=1, which goes nowhere; a time (int64_t); who made a change, uid:N (uid_t); a
 * digest. */
bool stored_version(void *member, struct slice value);
bool stored_time(void *member, struct slice value);
bool stored_uid(void *member, struct slice value);
bool stored_digest(void *member, struct slice value);

#endif
