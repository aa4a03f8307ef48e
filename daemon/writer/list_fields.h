/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields a data line about a token is to have: fields=.  No state; any thread. */
#ifndef JETON_DAEMON_WRITER_LIST_FIELDS_H
#define JETON_DAEMON_WRITER_LIST_FIELDS_H

#include "proto/line.h"

/* Read names joined by commas into a set.  NULL, or what is wrong with them. */
const char *list_fields_read(struct slice names, uint64_t *fields);

/* True if names of users are in the set, which only `show` looks up. */
bool list_fields_have_names(uint64_t fields);

/* Keep of the line that begins at this byte of the text, up to its end, only what is in the set. */
void list_fields_keep(struct text *t, size_t begin, uint64_t fields);

#endif
