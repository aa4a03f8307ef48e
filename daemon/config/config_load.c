/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config_load.h"

#include <unistd.h>

#include "daemon/config/config_file.h"

bool config_load(const struct config_source *source, struct config *c, struct config_faults *faults)
{
    struct problem problem;

    config_defaults(c);
    faults->count = 0;
    faults->unreadable = false;
    if (source->file_required || access(source->file, F_OK) == 0)
        config_file_read(c, source->file, faults);
    for (size_t i = 0; i < source->assignments; i++)
        if (!config_set(c, source->assignment[i], &problem))
            config_fault_add(faults, &problem);
    for (int role = 0; role < ROLES; role++)
        if (source->inherited_roles & 1u << role)
            c->role[role] = (struct config_role){ .paths = 0 };
    return faults->count == 0;
}

void config_log_restart_keys(const struct config *running, const struct config *loaded)
{
    char buffer[512];
    struct text names = text_in(buffer, sizeof(buffer) - 1);

    config_restart_keys(running, loaded, &names);
    buffer[names.len] = '\0';
    if (names.len > 0)
        log_warning("config: changed, but only a restart applies it: %s", buffer);
}

void config_log_overridden(const struct config_source *source, const struct config *c)
{
    char buffer[512];
    struct text names = text_in(buffer, sizeof(buffer) - 1);

    config_given_keys(c, source->inherited_roles, &names);
    buffer[names.len] = '\0';
    if (names.len > 0)
        log_warning("config: no effect of %s: the socket units decide (systemctl edit "
                    "jetond-ROLE.socket)",
                    buffer);
}
