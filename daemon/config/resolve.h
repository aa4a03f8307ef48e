/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration names on this machine: users, groups, directories.  The main
 * thread only. */
#ifndef JETON_SITE_H
#define JETON_SITE_H

#include <sys/types.h>

#include "daemon/config/config.h"

#define SITE_EVERYBODY INT64_C(-1)

struct site {
    uid_t owner[ROLES];             /* of the sockets; (uid_t)-1: as it is made */
    gid_t group[ROLES];             /* likewise */
    bool becomes;                   /* we are root, and become this user: */
    uid_t uid;                      /* of [daemon] user; (uid_t)-1: none is named */
    gid_t gid;
    int64_t table_gid;              /* who may have the table, or SITE_EVERYBODY */
};

/* Looks everything up.  False: *problem names the key and what would be right. */
bool site_survey(const struct config *c, struct site *site, struct problem *problem);

#endif
