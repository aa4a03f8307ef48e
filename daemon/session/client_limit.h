/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections there are, in all and per uid, and whether one more is allowed.
 * Thread-safe.  Admin connections are counted apart, with a few places of their own, so that no
 * crowd of others keeps an administrator out. */
#ifndef JETON_DAEMON_SESSION_CLIENT_LIMIT_H
#define JETON_DAEMON_SESSION_CLIENT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CLIENT_LIMIT_ADMIN_PLACES = 16 }; /* beyond the limit of all connections */

struct client_limit;

/* NULL: no memory. */
struct client_limit *client_limit_new(uint64_t most, uint64_t most_per_uid);
void client_limit_free(struct client_limit *q);

void client_limit_set(struct client_limit *q, uint64_t most, uint64_t most_per_uid);

/* Takes a place; false if there is none. */
bool client_limit_take(struct client_limit *q, uid_t uid, bool admin);
void client_limit_give_back(struct client_limit *q, uid_t uid, bool admin);

/* Connections now, since the start, and refused. */
struct client_limit_figures {
    uint64_t now;
    uint64_t total;
    uint64_t refused;
};

struct client_limit_figures client_limit_figures(struct client_limit *q);

#endif
