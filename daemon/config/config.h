/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's values, and the table of its keys.
 * Every key is checked when it is read; an unknown section or key is an error. */
#ifndef JETON_DAEMON_CONFIG_CONFIG_H
#define JETON_DAEMON_CONFIG_CONFIG_H

#include <limits.h>

#include "daemon/base/log.h"
#include "daemon/config/service_config.h"

#define CONFIG_DEFAULT_FILE "/etc/jeton/jetond.conf"

enum {
    CONFIG_KEYS_MAX = 32,
    CONFIG_PATHS_MAX = 8,
    CONFIG_NAME_MAX = 64,
    CONFIG_SOCKET_PATH_MAX = 107,
    CONFIG_LINE_SET = -1,
    ROLES = 3
};

/* One section [admin], [observe] or [verify]: the sockets that grant the role. */
struct config_role {
    unsigned paths; /* 0: not listening */
    char path[CONFIG_PATHS_MAX][CONFIG_SOCKET_PATH_MAX + 1];
    unsigned mode;
    char owner[CONFIG_NAME_MAX]; /* user and group names or numbers; empty: as the daemon's */
    char group[CONFIG_NAME_MAX];
};

struct config {
    char store[PATH_MAX];
    char prefix[PREFIX_MAX + 1];
    uint64_t workers; /* 0: one a CPU, at most 4 */
    uint64_t journal_entries;
    uint64_t max_connections;
    uint64_t max_connections_per_uid;
    int64_t activation_delay; /* seconds, as all durations here */
    int64_t retention;
    int64_t idle_timeout; /* 0: none */
    int64_t line_timeout; /* 0: none */
    enum log_level log_level;
    char user[CONFIG_NAME_MAX];        /* the user that root becomes; empty: none */
    bool trust_clock;                  /* believe the clock whatever the journal has */
    bool sandbox;                      /* confine the daemon with what the kernel offers */
    bool network;                      /* verifiers may connect to other hosts */
    struct config_role role[ROLES];    /* by enum role */
    char table_group[CONFIG_NAME_MAX]; /* empty: everybody may have the table */
    char verifiers[PATH_MAX];          /* the directory of verifiers named without a path */
    struct service_configs services;

    char file[PATH_MAX];       /* the file that was read last */
    int line[CONFIG_KEYS_MAX]; /* where each key was set: a line of `file`, CONFIG_LINE_SET, or 0
                                * for its default */
};

/* Set every value to its default. */
void config_defaults(struct config *c);

/* Store one key's value, or add a line to a service's stack.  `line` is that of the file, or
 * CONFIG_LINE_SET.  `seen` has a bit for each key that the same source has set before; all zeros to
 * begin with.  False: *problem names what is allowed. */
bool config_key_set(struct config *c, int line, const char *section, const char *name,
                    struct slice value, uint32_t *seen, struct problem *problem);

/* Apply one "section.key=value" of --set.  False: *problem. */
bool config_set(struct config *c, const char *assignment, struct problem *problem);

/* Fill a problem whose message begins with where an entry of a service's stack was set. */
void config_blame_step(const struct config *c, const struct service_config *section,
                       const struct service_entry *step, struct problem *problem,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Fill a problem whose message begins with where a key was set: "FILE:LINE: [section] key: …". */
void config_blame(const struct config *c, const char *section, const char *name,
                  struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
