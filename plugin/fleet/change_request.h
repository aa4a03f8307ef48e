/* SPDX-License-Identifier: Apache-2.0 */
/* A change that was asked for on this host, and is to be made in the database.  One thread. */
#ifndef JETON_PLUGIN_FLEET_CHANGE_REQUEST_H
#define JETON_PLUGIN_FLEET_CHANGE_REQUEST_H

#include <sys/queue.h>

#include "plugin/fleet/place.h"
#include "proto/reply.h"

struct change_request {
    TAILQ_ENTRY(change_request) all;
    uint64_t number; /* jetond's */
    const char *event;
    bool denies;     /* jeton.deny makes it, or else jeton.put */
    bool changes;    /* ... which changes the claims that are given, and no others */
    bool confirm;    /* on all hosts */
    size_t together; /* one of so many of a transaction at most; 0: it was in none that failed */
    int64_t wait;    /* milliseconds, for confirm */
    int64_t since;   /* monotonic milliseconds: when it came; then, when it was committed */
    struct fleet_place place; /* that it was given */
    bool counted;             /* for confirm: */
    uint64_t seen, hosts;
    /* Parameters, as PostgreSQL takes them; NULL: none.  They lie in `text`. */
    const char *digest, *group, *state, *created, *activates, *expires, *subject, *scopes,
        *description, *replaces, *uid;
    char text[];
};

TAILQ_HEAD(change_request_list, change_request);

/* Make one of a data line of `fleet take`; NULL: no memory, or the line is none, with *number of it, or 0. */
struct change_request *change_request_parse(const struct line *line, uint64_t *number);

/* True if both can be in one call of jeton.deny. */
bool change_request_is_alike(const struct change_request *a, const struct change_request *b);

#endif
