/* SPDX-License-Identifier: Apache-2.0 */
/* jetond --check: look at everything that a start would, and report all that is wrong. */
#ifndef JETON_DAEMON_OFFLINE_CHECK_H
#define JETON_DAEMON_OFFLINE_CHECK_H

#include "daemon/config/config_load.h"

enum check_extent {
    CHECK_NOTHING,
    CHECK_CONFIG, /* the configuration and what it names */
    CHECK_ALL     /* and the store, and whether the systemd unit lets the daemon write there */
};

/* Check what was loaded from `source`, of which *faults are known.  Print what is right to standard
 * output, what is wrong to standard error.  Return the exit status. */
int check(const struct config *c, const struct config_source *source, enum check_extent extent,
          struct config_faults *faults);

#endif
