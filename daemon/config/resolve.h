/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration names on this machine: users, groups, directories.  The main
 * thread only. */
#ifndef JETON_DAEMON_CONFIG_RESOLVE_H
#define JETON_DAEMON_CONFIG_RESOLVE_H

#include <sys/types.h>

#include "daemon/config/config.h"

#define RESOLVED_EVERYBODY INT64_C(-1)

struct resolved {
    uid_t owner[ROLES]; /* of the sockets; (uid_t)-1: as it is made */
    gid_t group[ROLES]; /* likewise */
    bool becomes;       /* we are root, and become this user: */
    uid_t uid;          /* of [daemon] user; (uid_t)-1: none is named */
    gid_t gid;
    int64_t table_gid; /* who may have the table, or RESOLVED_EVERYBODY */
};

/* Looks everything up.  False: *problem names the key and what would be right. */
bool resolve_config(const struct config *c, struct resolved *site, struct problem *problem);

#endif
