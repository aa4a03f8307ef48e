/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of the journal a request is about.  No state; any thread. */
#ifndef JETON_DAEMON_WRITER_JOURNAL_FILTER_H
#define JETON_DAEMON_WRITER_JOURNAL_FILTER_H

#include <sys/types.h>

#include "proto/limits.h"
#include "proto/line.h"

enum { JOURNAL_FILTER_NAME_MAX = 64 };

/* All zeros: all entries. */
struct journal_filter {
    bool has_id;
    uint8_t id[ID_SIZE]; /* of the token; also of one that it replaces */
    bool has_subject;
    struct slice subject; /* also one that it had before the entry */
    uint32_t events;      /* a bit for each; 0: all */
    bool has_by;
    uid_t by;
    char by_name[JOURNAL_FILTER_NAME_MAX + 1]; /* the user is given by name; "": by uid */
    bool has_since, has_until;
    int64_t since; /* from then on */
    int64_t until; /* before then */
};

/* Read the value of a key.  Return NULL, or what is wrong with it.  A time may be a duration before
 * `now`. */
const char *journal_filter_read_event(struct journal_filter *f, struct slice v);
const char *journal_filter_read_by(struct journal_filter *f, struct slice v);
const char *journal_filter_read_time(struct slice v, int64_t now, int64_t *time);

/* True if it is about the entry, whoever made it; `by` is then the uid that made it. */
bool journal_filter_takes(const struct journal_filter *f, const struct line *entry, uid_t *by);

/* True if there is anything to be filtered. */
bool journal_filter_is_set(const struct journal_filter *f);

#endif
