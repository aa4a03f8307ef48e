/* SPDX-License-Identifier: Apache-2.0 */
/* Count the connections, in all and per uid, and decide whether one more is allowed.  Thread-safe.
 * Admin connections are counted apart, and a few more of them are allowed, so that no crowd of
 * others keeps an administrator out. */
#ifndef JETON_DAEMON_SESSION_CLIENT_LIMIT_H
#define JETON_DAEMON_SESSION_CLIENT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CLIENT_LIMIT_ADMIN_EXTRA = 16 }; /* admin connections beyond the limit of all */

struct client_limit;

/* Make a limit of so many connections in all, and of so many for each uid.  NULL: no memory. */
struct client_limit *client_limit_new(uint64_t max, uint64_t max_per_uid);
void client_limit_free(struct client_limit *limit);

void client_limit_set(struct client_limit *limit, uint64_t max, uint64_t max_per_uid);

/* Count a new connection, and a closed one.  False: a new one is not allowed. */
bool client_limit_acquire(struct client_limit *limit, uid_t uid, bool admin);
void client_limit_release(struct client_limit *limit, uid_t uid, bool admin);

/* Connections now, since the start, and refused. */
struct client_limit_stats {
    uint64_t now;
    uint64_t total;
    uint64_t refused;
};

struct client_limit_stats client_limit_stats(struct client_limit *limit);

#endif
