/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults, for what neither the file nor --set sets. */
#include <stdio.h>

#include "daemon/config/config.h"

static struct config_role role_default(const char *path, unsigned mode, const char *group)
{
    struct config_role role = { .mode = mode, .paths = path[0] != '\0' };

    snprintf(role.path[0], sizeof(role.path[0]), "%s", path);
    snprintf(role.group, sizeof(role.group), "%s", group);
    return role;
}

void config_defaults(struct config *c)
{
    *c = (struct config){
        .store = "/var/lib/jeton/tokens.tdb",
        .prefix = "jtn",
        .journal_entries = 100000,
        .max_connections = 4096,
        .max_connections_per_uid = 1024,
        .retention = 30 * 86400,
        .line_timeout = 30,
        .log_level = LOG_LEVEL_INFO,
        .log = true,
        .log_size = 32 << 20,
        .sandbox = true,
        .table_group = "jeton-table",
        .verifiers = VERIFIERS_DIRECTORY,
        .policies.self = { .max_ttl = 90 * 86400, .max_tokens_per_subject = 20 },
    };
    c->role[ROLE_ADMIN] = role_default("/run/jeton/admin.sock", 0660, "jeton-admin");
    c->role[ROLE_OBSERVE] = role_default("", 0660, "jeton-observe");
    c->role[ROLE_VERIFY] = role_default("/run/jeton/verify.sock", 0666, "");
    c->role[ROLE_SELF] = role_default("", 0666, "");
    c->role[ROLE_FLEET] = role_default("", 0660, "jeton-fleet");
}
