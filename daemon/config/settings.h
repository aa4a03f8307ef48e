/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that other threads read while SIGHUP may change it.  The main
 * thread writes, any thread reads; values may change one before another. */
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
    _Atomic bool trust_clock;
    _Atomic int64_t table_gid; /* the group that may have the table, or RESOLVED_EVERYBODY */
};

/* Set all values but the prefix.  True if others may have the table now than before. */
bool settings_apply(struct settings *s, const struct config *c, int64_t table_gid);

#endif
