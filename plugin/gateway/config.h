/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what gateway.conf(5) describes.  Filled in by config_file.h and --set; owned by
 * whoever loaded it. */
#ifndef JETON_PLUGIN_GATEWAY_CONFIG_H
#define JETON_PLUGIN_GATEWAY_CONFIG_H

#include <sys/socket.h>
#include <sys/un.h>

#include "plugin/service/config_faults.h"
#include "plugin/service/log.h"
#include "plugin/http/answer.h"
#include "proto/limits.h"

#define CONFIG_DEFAULT_FILE "/etc/jeton/gateway.conf"

enum {
    CONFIG_SITES_MAX = 256,
    CONFIG_SITE_NAME_MAX = 32,
    CONFIG_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
    CONFIG_GROUP_MAX = 64,
};

/* [site NAME]: what a token must be good for. */
struct site {
    struct slice name; /* in name_text */
    char name_text[CONFIG_SITE_NAME_MAX + 1];
    char service[SERVICE_MAX + 1];   /* "": the default one */
    char scope[SCOPES_TEXT_MAX + 1]; /* "": none */
    char subject[SUBJECT_MAX + 1];   /* "": anybody */
    char realm[HTTP_REALM_MAX + 1];
    struct http_accept accept;
    unsigned handle; /* which of the handles to libjeton judges, see rules.h */
    uint32_t seen;   /* keys that were given */
};

/* [gateway]. */
struct config {
    char path[CONFIG_PATH_MAX + 1]; /* "": none */
    char group[CONFIG_GROUP_MAX + 1];
    unsigned mode;
    char admin[CONFIG_PATH_MAX + 1]; /* "": none */
    char admin_group[CONFIG_GROUP_MAX + 1];
    unsigned admin_mode;
    struct sockaddr_storage tcp; /* ss_family 0: none */
    socklen_t tcp_len;
    char socket[CONFIG_PATH_MAX + 1];
    enum log_level log_level;
    unsigned max_connections;
    unsigned max_connections_per_uid;
    unsigned head_timeout;   /* seconds */
    unsigned idle_timeout;   /* seconds; 0: none */
    unsigned verify_timeout; /* seconds */
    bool sandbox;
    uint32_t seen;
    unsigned sites;
    struct site site[CONFIG_SITES_MAX];
};

void config_init(struct config *c);

/* Begin a section, named as between its brackets.  Return it as an index for config_set(): 0 is
 * [gateway]; a site's is the same each time.  -1: *why says what is wrong with the name. */
int config_section(struct config *c, struct slice name, const char **why);

/* Set a key of a section.  `again`: it may have been set before.  Return NULL, or what is wrong. */
const char *config_set(struct config *c, int section, struct slice key, struct slice value,
                       bool again);

/* Apply an assignment of --set: SECTION.KEY=VALUE. */
void config_assign(struct config *c, const char *assignment, struct config_faults *faults);

/* Check what several keys say together, after all were set; `file` is where they belong. */
void config_check(const struct config *c, const char *file, struct config_faults *faults);

/* Find the site of a request; NULL: there is none of this name. */
const struct site *config_find_site(const struct config *c, struct slice name);

#endif
