/* SPDX-License-Identifier: Apache-2.0 */
/* Load the whole configuration: defaults, then the file, then --set, then what the service manager
 * passed. */
#ifndef JETON_DAEMON_CONFIG_CONFIG_LOAD_H
#define JETON_DAEMON_CONFIG_CONFIG_LOAD_H

#include "daemon/config/config.h"

enum { CONFIG_ASSIGNMENTS_MAX = 64 };

/* Where the configuration comes from: fixed at start, so that a reload reads the same sources. */
struct config_source {
    const char *file;
    bool file_required; /* false: without the file, the defaults hold */
    size_t assignments;
    const char *assignment[CONFIG_ASSIGNMENTS_MAX]; /* of --set, in order */
    unsigned inherited_roles; /* bit 1 << role: its sockets were passed, so create none */
};

/* Fill *c, whatever was in it.  False: *faults has all that is wrong and where it is, and *c the
 * rest. */
bool config_load(const struct config_source *source, struct config *c,
                 struct config_faults *faults);

/* Log which settings differ and take effect only at a start. */
void config_log_restart_keys(const struct config *running, const struct config *loaded);

/* Log which settings have no effect, because the service manager made the sockets. */
void config_log_overridden(const struct config_source *source, const struct config *c);

#endif
