/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's values, and the table of its keys.
 * Every key is checked when it is read; an unknown section or key is an error. */
#ifndef JETON_DAEMON_CONFIG_CONFIG_H
#define JETON_DAEMON_CONFIG_CONFIG_H

#include <limits.h>

#include "daemon/base/log.h"
#include "daemon/config/policy.h"
#include "daemon/config/service_config.h"

#define CONFIG_DEFAULT_FILE "/etc/jeton/jetond.conf"

enum {
    CONFIG_KEYS_MAX = 64,
    CONFIG_PATHS_MAX = 8,
    CONFIG_NAME_MAX = 64,
    CONFIG_SOCKET_PATH_MAX = 107,
    CONFIG_LINE_SET = -1,
    CONFIG_FAULTS_MAX = 32,
    ROLES = 5
};

/* What is wrong with a configuration: all of it is read, whatever is found, so that it can be
 * mended at once. */
struct config_faults {
    bool unreadable; /* the file cannot be read, so that nothing is known of what it names */
    size_t count;    /* may be more than are kept */
    struct problem fault[CONFIG_FAULTS_MAX]; /* in the order of the lines */
};

/* One section [admin], [observe], [verify], [self] or [fleet]: the sockets that grant the role. */
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
    bool log;                          /* write changes to a log ahead of the store */
    uint64_t log_size;                 /* bytes */
    bool logins;                       /* the sandbox shows who clients logged in as */
    struct config_role role[ROLES];    /* by enum role */
    char table_group[CONFIG_NAME_MAX]; /* empty: everybody may have the table */
    char verifiers[PATH_MAX];          /* the directory of verifiers named without a path */
    struct service_configs services;
    struct policies policies;

    char file[PATH_MAX];       /* the file that was read last */
    int line[CONFIG_KEYS_MAX]; /* where each key was set: a line of `file`, CONFIG_LINE_SET, or 0
                                * for its default */
    uint64_t refused;          /* a bit for each key whose value was wrong, and was not taken */
};

void config_fault_add(struct config_faults *faults, const struct problem *problem);

/* Set every value to its default. */
void config_defaults(struct config *c);

/* Store one key's value, or add a line to a service's stack.  `line` is that of the file, or
 * CONFIG_LINE_SET.  `seen` has a bit for each key that the same source has set before; all zeros to
 * begin with.  False: *problem names what is allowed. */
bool config_key_set(struct config *c, int line, const char *section, const char *name,
                    struct slice value, uint64_t *seen, struct problem *problem);

/* True if there is a section of that name, other than those of services and policies. */
bool config_section_known(const char *name);

/* True if the value that was given for a key was refused, so that the key has another one. */
bool config_key_refused(const struct config *c, const char *section, const char *name);

/* What a key's value is, and where in struct config. */
enum config_kind {
    CONFIG_NUMBER,
    CONFIG_SIZE,
    CONFIG_DURATION,
    CONFIG_TEXT,
    CONFIG_YES_NO,
    CONFIG_AUTO_NO,
    CONFIG_MODE,
    CONFIG_LOG_LEVEL,
    CONFIG_PATHS /* a struct config_role */
};

struct config_key {
    const char *section;
    const char *name;
    enum config_kind kind;
    size_t offset;
};

/* Describe the key number `at`; false: there are no more. */
bool config_key_at(size_t at, struct config_key *key);

/* Add the names of the keys that differ and take effect only at a start. */
void config_restart_keys(const struct config *a, const struct config *b, struct text *names);

/* Add the names of the keys of sockets that file or --set gave, for roles of which 1 << role is in
 * `roles`. */
void config_given_keys(const struct config *c, unsigned roles, struct text *names);

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
