/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections there are, in all and per uid, and whether one more is allowed.
 * Thread-safe.  Admin connections are counted apart, with a few places of their own, so that no
 * crowd of others keeps an administrator out. */
#ifndef JETON_QUOTA_H
#define JETON_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { QUOTA_ADMIN_PLACES = 16 };       /* beyond the limit of all connections */

struct quota;

/* NULL: no memory. */
struct quota *quota_new(uint64_t most, uint64_t most_per_uid);
void quota_free(struct quota *q);

void quota_set(struct quota *q, uint64_t most, uint64_t most_per_uid);

/* Takes a place; false if there is none. */
bool quota_take(struct quota *q, uid_t uid, bool admin);
void quota_give_back(struct quota *q, uid_t uid, bool admin);

/* Connections now, since the start, and refused. */
struct quota_figures {
    uint64_t now;
    uint64_t total;
    uint64_t refused;
};

struct quota_figures quota_figures(struct quota *q);

#endif
