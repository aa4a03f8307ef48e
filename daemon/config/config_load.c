/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config_load.h"

#include <unistd.h>

#include "daemon/config/config_file.h"

bool config_load(const struct config_source *source, struct config *c, struct problem *problem)
{
    config_defaults(c);
    if ((source->file_required || access(source->file, F_OK) == 0) &&
        !config_file_read(c, source->file, problem))
        return false;
    for (size_t i = 0; i < source->assignments; i++)
        if (!config_set(c, source->assignment[i], problem))
            return false;
    for (int role = 0; role < ROLES; role++)
        if (source->inherited_roles & 1u << role)
            c->role[role] = (struct config_role){ .paths = 0 };
    return true;
}
