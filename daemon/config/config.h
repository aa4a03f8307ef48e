/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: defaults, then the file, then --set section.key=value.
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
    char user[CONFIG_NAME_MAX];        /* whom root becomes; empty: nobody else */
    bool sandbox;                      /* apply what the kernel has to confine the daemon */
    bool network;                      /* a verifier may ask other hosts */
    struct config_role role[ROLES];    /* by enum role */
    char table_group[CONFIG_NAME_MAX]; /* empty: everybody may have the table */
    char verifiers[PATH_MAX];          /* the directory of those named without a path */
    struct service_configs services;

    char file[PATH_MAX];       /* that was read last */
    int line[CONFIG_KEYS_MAX]; /* where each key comes from: a line of the file,
                                               0: the default, -1: --set */
};

void config_defaults(struct config *c);

/* Reads a file over what is there.  False: *problem names file, line and what would be right. */
bool config_read(struct config *c, const char *file, struct problem *problem);

/* Applies one "section.key=value". */
bool config_set(struct config *c, const char *assignment, struct problem *problem);

/* Fills a problem that begins with where a step of a service's stack comes from. */
void config_blame_step(const struct config *c, const struct service_config *section,
                       const struct service_entry *step, struct problem *problem,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Fills a problem that begins with where a key's value comes from: "FILE:LINE: [section] key: …". */
void config_blame(const struct config *c, const char *section, const char *name,
                  struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
