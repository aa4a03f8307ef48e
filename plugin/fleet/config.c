/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/config.h"

#include <stdio.h>

#include "proto/fleet.h"
#include "proto/stamp.h"

enum { LEASE_MIN = 5, LEASE_MAX = 3600, KEEP_MAX = 366 * 86400 };

void config_init(struct config *c)
{
    memset(c, 0, sizeof(*c));
    strcpy(c->socket, "/run/jeton/fleet.sock");
    c->lease = 60;
    c->log_level = LOG_INFO;
    c->sandbox = true;
}

/* -- values ------------------------------------------------------------------------------------ */

/* A reader parses a value into the configuration.  It returns NULL, or what is wrong. */
typedef const char *reader(struct config *c, struct slice value);

static const char *copy(char *to, size_t size, struct slice value, const char *too_long)
{
    if (value.len >= size)
        return too_long;
    memcpy(to, value.at, value.len);
    to[value.len] = '\0';
    return NULL;
}

static const char *read_database(struct config *c, struct slice value)
{
    return copy(c->database, sizeof(c->database), value,
                "a connection string has at most 4096 bytes");
}

/* A line that goes on with the one before, as connection strings get long. */
static const char *continue_database(struct config *c, struct slice value)
{
    const size_t len = strlen(c->database);

    if (len + 1 + value.len > CONFIG_DATABASE_MAX)
        return "a connection string has at most 4096 bytes";
    c->database[len] = ' ';
    return copy(c->database + len + 1, sizeof(c->database) - len - 1, value, "it is too long");
}

static const char *read_groups(struct config *c, struct slice value)
{
    c->groups = 0;
    while (value.len > 0) {
        const char *comma = memchr(value.at, ',', value.len);
        struct slice name = { value.at, comma != NULL ? (size_t)(comma - value.at) : value.len };
        const size_t taken = name.len + (comma != NULL);
        while (name.len > 0 && name.at[0] == ' ')
            name = (struct slice){ name.at + 1, name.len - 1 };
        while (name.len > 0 && name.at[name.len - 1] == ' ')
            name.len--;
        if (name.len == 0 || fleet_name_fault(name) != NULL)
            return "this should be names out of A-Z a-z 0-9 . _ and -, with commas between them";
        if (c->groups == CONFIG_GROUPS_MAX)
            return "there can be at most 64 groups";
        copy(c->group[c->groups++], sizeof(c->group[0]), name, NULL);
        value = (struct slice){ value.at + taken, value.len - taken };
    }
    return NULL;
}

static const char *read_lease(struct config *c, struct slice value)
{
    return duration_parse(value, &c->lease) && c->lease >= LEASE_MIN && c->lease <= LEASE_MAX ?
               NULL :
               "this should be a duration such as 60s, from 5s to 1h";
}

static const char *read_stale(struct config *c, struct slice value)
{
    c->keep = 0;
    if (slice_is(value, "refuse"))
        return NULL;
    if (slice_begins(value, "keep ") &&
        duration_parse((struct slice){ value.at + 5, value.len - 5 }, &c->keep) && c->keep > 0 &&
        c->keep <= KEEP_MAX)
        return NULL;
    return "this should be `refuse`, or `keep` and a duration of at most 366d, such as `keep 24h`";
}

static const char *read_socket(struct config *c, struct slice value)
{
    if (value.len == 0 || value.at[0] != '/')
        return "this should be an absolute path";
    return copy(c->socket, sizeof(c->socket), value, "a socket's path has at most 107 bytes");
}

static const char *read_metrics(struct config *c, struct slice value)
{
    if (value.len > 0 && value.at[0] != '/')
        return "this should be an absolute path, or nothing";
    return copy(c->metrics, sizeof(c->metrics), value, "a path has at most 1024 bytes");
}

static const char *read_level(struct config *c, struct slice value)
{
    return log_level_named(value, &c->log_level) ? NULL :
                                                   "this should be error, warning, info or debug";
}

static const char *read_sandbox(struct config *c, struct slice value)
{
    c->sandbox = slice_is(value, "auto");
    return c->sandbox || slice_is(value, "no") ? NULL : "this should be auto or no";
}

/* -- keys -------------------------------------------------------------------------------------- */

static const struct key {
    const char *name;
    reader *read;
} keys[] = {
    { "database", read_database }, { "groups", read_groups },   { "stale", read_stale },
    { "lease", read_lease },       { "socket", read_socket },   { "metrics", read_metrics },
    { "log_level", read_level },   { "sandbox", read_sandbox },
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

const char *config_set(struct config *c, struct slice key, struct slice value, bool again,
                       bool more)
{
    unsigned i = 0;

    while (i < KEYS && !slice_is(key, keys[i].name))
        i++;
    if (i == KEYS)
        return "there is no such key in this section";
    if (more)
        return keys[i].read == read_database ? continue_database(c, value) :
                                               "only `database` goes on in a second line";
    if ((c->seen & 1u << i) != 0 && !again)
        return "this key is given twice";
    c->seen |= 1u << i;
    return keys[i].read(c, value);
}
