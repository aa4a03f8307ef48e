/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that were made on this host and that the database does not know yet, in the order of their numbers; also
 * ends of tokens that were rotated.  One thread. */
#ifndef JETON_DAEMON_FLEET_FLEET_UNSENT_H
#define JETON_DAEMON_FLEET_FLEET_UNSENT_H

#include <sys/types.h>

#include "proto/limits.h"
#include "proto/text.h"

/* Saved as numbers: add at the end alone. */
enum fleet_denial { FLEET_REVOKE, FLEET_DISABLE, FLEET_DELETE, FLEET_END, FLEET_DENIALS };

struct fleet_unsent {
    uint64_t number; /* names it; at least 1 */
    uint8_t digest[DIGEST_SIZE];
    enum fleet_denial event;
    uid_t by;
    int64_t time; /* seconds since 1970: when it was made; of FLEET_END, when the token ends */
};

/* A list; an empty one is all zeros. */
struct fleet_unsent_list {
    struct fleet_unsent *denial; /* ascending numbers, from `start` on */
    size_t start;
    size_t count;
    size_t capacity;
    uint64_t last; /* the greatest number that was ever used; 0: none */
};

void fleet_unsent_free(struct fleet_unsent_list *l);

/* Have memory for so many more; false: there is none. */
bool fleet_unsent_reserve(struct fleet_unsent_list *l, size_t more);

/* Add a denial with a number above all others, for which memory was reserved. */
void fleet_unsent_add(struct fleet_unsent_list *l, const struct fleet_unsent *denial);

/* Remove the denial with a number; false: there is none. */
bool fleet_unsent_remove(struct fleet_unsent_list *l, uint64_t number);

/* Return the denial with the least number above this one; NULL: there is none. */
const struct fleet_unsent *fleet_unsent_after(const struct fleet_unsent_list *l, uint64_t number);

/* Make a list of the same denials; false: no memory. */
bool fleet_unsent_copy(struct fleet_unsent_list *to, const struct fleet_unsent_list *from);

#endif
