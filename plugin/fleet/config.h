/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what fleet.conf(5) describes.  One thread. */
#ifndef JETON_PLUGIN_FLEET_CONFIG_H
#define JETON_PLUGIN_FLEET_CONFIG_H

#include <sys/un.h>

#include "plugin/service/config_faults.h"
#include "plugin/service/log.h"
#include "proto/limits.h"

#define CONFIG_DEFAULT_FILE "/etc/jeton/fleet.conf"

enum {
    CONFIG_DATABASE_MAX = 4096,
    CONFIG_GROUPS_MAX = 64,
    CONFIG_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
    CONFIG_FILE_MAX = 1024,
    CONFIG_ASSIGNMENTS_MAX = 32,
};

struct config {
    char database[CONFIG_DATABASE_MAX + 1]; /* a connection string of libpq's; "": its defaults */
    unsigned groups;                        /* 0: whatever the database says */
    char group[CONFIG_GROUPS_MAX][GROUP_MAX + 1];
    int64_t lease; /* seconds */
    int64_t keep;  /* seconds for which known tokens go on when cut off; 0: refuse */
    char socket[CONFIG_PATH_MAX + 1];
    char metrics[CONFIG_FILE_MAX + 1]; /* "": none */
    enum log_level log_level;
    bool sandbox;
    uint32_t seen; /* keys that were given */
};

/* Where a configuration comes from. */
struct config_source {
    const char *file;
    bool file_required; /* it was named; the default one need not be there */
    unsigned assignments;
    const char *assignment[CONFIG_ASSIGNMENTS_MAX]; /* of --set */
};

/* Load a whole configuration.  False: *faults got all that is wrong with it. */
bool config_load(const struct config_source *source, struct config *c,
                 struct config_faults *faults);

/* Set a key.  `again`: it may have been set before; a database that was, is continued otherwise if this is
 * `more` of it (a line that begins with a space).  Return NULL, or what is wrong. */
const char *config_set(struct config *c, struct slice key, struct slice value, bool again,
                       bool more);

void config_init(struct config *c);

#endif
