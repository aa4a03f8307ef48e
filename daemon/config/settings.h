/* SPDX-License-Identifier: Apache-2.0 */
/* What the other threads need of the configuration, and what SIGHUP may change.  The main
 * thread writes, any thread reads; each value stands by itself. */
#ifndef JETON_DAEMON_CONFIG_SETTINGS_H
#define JETON_DAEMON_CONFIG_SETTINGS_H

#include <stdatomic.h>

#include "daemon/config/resolve.h"

struct settings {
    char prefix[PREFIX_MAX + 1];      /* fixed at start */
    _Atomic int64_t activation_delay; /* seconds, as the next three */
    _Atomic int64_t retention;
    _Atomic int64_t idle_timeout; /* 0: none */
    _Atomic int64_t line_timeout; /* 0: none */
    _Atomic uint64_t journal_entries;
    _Atomic int64_t table_gid; /* who may have the table, or RESOLVED_EVERYBODY */
};

void settings_apply(struct settings *s, const struct config *c, int64_t table_gid);

#endif
