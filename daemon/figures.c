/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/figures.h"

#include "daemon/sandbox.h"
#include "daemon/secret.h"

static uint64_t put(struct text *t, const char *name, uint64_t value)
{
    text_addc(t, '*');
    line_puts(t, "name", name);
    line_put_u64(t, "value", value);
    text_addc(t, '\n');
    return 1;
}

static uint64_t put_protections(struct text *t)
{
    const struct protections p = sandbox_protections();
    const struct { const char *name; uint64_t value; } rows[] = {
        { "protection_unprivileged", p.unprivileged },
        { "protection_no_new_privs", p.no_new_privs },
        { "protection_not_dumpable", p.not_dumpable },
        { "protection_memory_locked", secret_is_locked() },
        { "protection_landlock", p.landlock_abi > 0 },
        { "protection_landlock_abi", p.landlock_abi },
        { "protection_seccomp", p.seccomp },
    };
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        count += put(t, rows[i].name, rows[i].value);
    return count;
}

uint64_t figures_put(const struct server *server, struct text *t)
{
    return put(t, "keeper_busy_seconds", keeper_figures(server->keeper).busy_seconds) +
           put_protections(t);
}
