/* SPDX-License-Identifier: Apache-2.0 */
/* Look up what the configuration names on this host: users, groups, directories.  One thread
 * at a time, which may have to wait for a name service. */
#ifndef JETON_DAEMON_CONFIG_RESOLVE_H
#define JETON_DAEMON_CONFIG_RESOLVE_H

#include <sys/types.h>

#include "daemon/config/config.h"

#define RESOLVED_EVERYBODY INT64_C(-1)

struct resolved {
    uid_t owner[ROLES]; /* of the sockets; (uid_t)-1: leave as created */
    gid_t group[ROLES]; /* likewise */
    bool becomes;       /* this process is root and has to change to the user below */
    uid_t uid;          /* of [daemon] user; (uid_t)-1: none is named */
    gid_t gid;
    char user[CONFIG_NAME_MAX]; /* its name, if one is named */
    int64_t table_gid;          /* the group that may have the table, or RESOLVED_EVERYBODY */
    uid_t exempt_import[POLICY_EXEMPT_MAX]; /* of [policy] exempt_import */
};

/* Look everything up, and check that paths and modes fit together.  False: *faults got all that is
 * wrong, each with its key and how to put it right. */
bool resolve_all(const struct config *c, struct resolved *resolved, struct config_faults *faults);

/* The same; false: *problem is the first. */
bool resolve_config(const struct config *c, struct resolved *resolved, struct problem *problem);

#endif
