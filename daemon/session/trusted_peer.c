/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/trusted_peer.h"

#include <unistd.h>

bool trusted_peer(const struct settings *settings, int fd, const struct peercred *peer)
{
    int64_t group = atomic_load(&settings->table_gid);

    return peer->uid == 0 || peer->uid == geteuid() ||
           (group != RESOLVED_EVERYBODY && peercred_in_group(fd, peer, (gid_t)group));
}
