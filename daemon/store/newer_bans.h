/* SPDX-License-Identifier: Apache-2.0 */
/* The bans that a store's log has and its file does not, by the file's hash chains, in which a walk over
 * all bans goes.  The writer's thread only. */
#ifndef JETON_DAEMON_STORE_NEWER_BANS_H
#define JETON_DAEMON_STORE_NEWER_BANS_H

#include "daemon/store/store_log.h"

struct newer_ban {
    uint32_t chain;
    struct slice key; /* this and the value are valid until the log changes */
    struct slice value;
};

/* All zeros: there are none. */
struct newer_bans {
    struct newer_ban *ban; /* in the order of the chains */
    size_t count;
};

/* List them, while no checkpoint is running.  False: no memory, or the file cannot be read. */
bool newer_bans_list(struct newer_bans *newer, struct store_log *l);
void newer_bans_free(struct newer_bans *newer);

/* Return the number of the first one in this chain or behind it; the count: there is none. */
size_t newer_bans_from(const struct newer_bans *newer, uint32_t chain);

#endif
