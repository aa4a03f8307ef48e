/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens are meant: the filter of `list`, and of the changes that are about many tokens.
 *
 * Read once from the request, and judged in two steps: by what index and table have of a token, which
 * costs no look into the store; and by its record.  A new filter is a key in proto/request.h, a member
 * here, a reader and a comparison in list_filter.c.  No state; any thread. */
#ifndef JETON_DAEMON_WRITER_LIST_FILTER_H
#define JETON_DAEMON_WRITER_LIST_FILTER_H

#include "daemon/store/record.h"
#include "proto/request.h"

/* All zeros: every token. */
struct list_filter {
    uint64_t given;    /* KEY_BITs of what follows */
    enum status state; /* STATUS_OK: active */
    uid_t by;
    int64_t created_after; /* from this time on, and before that one */
    int64_t created_before;
    int64_t expires_before;
    int64_t expires_within; /* seconds; so with the next */
    int64_t unused_for;
    bool never_used;
    bool but_revoked; /* not those which are revoked, or have expired, unless `state` is that */
    bool but_expired;
    bool but_fleet; /* not those of the fleet */
    uint16_t subject_len, scopes_len, match_len, group_len, origin_len;
    char subject[SUBJECT_MAX];
    char scopes[SCOPES_TEXT_MAX];
    char match[DESCRIPTION_MAX];
    char group[GROUP_MAX];  /* empty: tokens of this host alone */
    char origin[GROUP_MAX]; /* empty: tokens of which no host is known that made them */
};

/* What is judged of a token: the state is that which verifiers see. */
struct list_facts {
    int64_t created;
    uid_t by;
    uint32_t flags; /* SLOT_… */
    int64_t activates;
    int64_t expires;
    int64_t used; /* 0: never, as far as is known */
    struct slice subject;
    struct slice scopes;
};

/* Return the facts of a record, which they point into, and of its last use. */
struct list_facts list_facts_of(const struct record *r, int64_t used);

/* Read the value of a key; NULL, or what is wrong with it.  False: the key is no filter's. */
bool list_filter_read(struct list_filter *f, enum key key, struct slice value, const char **fault);

/* True if it has to be known when a token was last used. */
bool list_filter_asks_use(const struct list_filter *f);

/* True if the facts do not decide alone. */
bool list_filter_asks_record(const struct list_filter *f);

/* True if the facts exclude the token, whatever its record says; `use_known`: `used` is known. */
bool list_filter_excludes(const struct list_filter *f, const struct list_facts *facts,
                          bool use_known, int64_t now);

/* True if such a last use excludes a token that the other facts do not. */
bool list_filter_use_excludes(const struct list_filter *f, int64_t used, int64_t now);

/* True if no token that was created then or later, or then or earlier, is meant. */
bool list_filter_ends_at(const struct list_filter *f, int64_t created);
bool list_filter_begins_behind(const struct list_filter *f, int64_t created);

/* True if the token of this record, which was last used then, is meant. */
bool list_filter_matches(const struct list_filter *f, const struct record *r, int64_t used,
                         int64_t now);

#endif
