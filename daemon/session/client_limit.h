/* SPDX-License-Identifier: Apache-2.0 */
/* Count the connections, in all and per uid, and decide whether one more is allowed.  Thread-safe.
 *
 * When all places are taken, a uid with few connections gets one at the cost of the uid that has
 * most: the caller has idle connections of that uid closed.  A part of the places is kept for uids
 * that are trusted, and nobody gets in at their cost.  Admin connections are counted apart, and a
 * few more of them are allowed, so that no crowd of others keeps an administrator out. */
#ifndef JETON_DAEMON_SESSION_CLIENT_LIMIT_H
#define JETON_DAEMON_SESSION_CLIENT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLIENT_LIMIT_ADMIN_EXTRA = 16, /* admin connections beyond the limit of all */
    CLIENT_LIMIT_OVERFLOW = 16,    /* connections beyond it until others are closed */
    CLIENT_LIMIT_RESERVED = 16,    /* one in so many places is kept for those who are trusted */
    CLIENT_LIMIT_SHED_MAX = 16,    /* connections that are closed at once */
};

struct client_limit;

/* Make a limit of so many connections in all, and of so many for each uid.  NULL: no memory. */
struct client_limit *client_limit_new(uint64_t max, uint64_t max_per_uid);
void client_limit_free(struct client_limit *limit);

void client_limit_set(struct client_limit *limit, uint64_t max, uint64_t max_per_uid);

enum client_trust { CLIENT_UNKNOWN, CLIENT_UNTRUSTED, CLIENT_TRUSTED };

/* Return the trust that client_limit_acquire() was given last for a uid that has connections; unknown if
 * that was before the last client_limit_judge_anew(). */
enum client_trust client_limit_trust(struct client_limit *limit, uid_t uid, bool admin);

/* Whom to trust has changed: have each uid judged again when it connects next.  Until then nothing
 * changes for it. */
void client_limit_judge_anew(struct client_limit *limit);

/* Connections to be closed: idle ones first, the longest idle first. */
struct client_excess {
    uid_t uid;
    unsigned connections; /* 0: none */
};

/* Count a new connection.  False: it is not allowed.  True: it is, and *excess is to be closed. */
bool client_limit_acquire(struct client_limit *limit, uid_t uid, bool admin,
                          enum client_trust trust, struct client_excess *excess);

/* Count a closed connection; and those that were closed as excess. */
void client_limit_release(struct client_limit *limit, uid_t uid, bool admin);
void client_limit_count_shed(struct client_limit *limit, unsigned connections);

/* Connections now, since the start, refused, and closed as excess. */
struct client_limit_stats {
    uint64_t now;
    uint64_t total;
    uint64_t refused;
    uint64_t shed;
};

struct client_limit_stats client_limit_stats(struct client_limit *limit);

#endif
