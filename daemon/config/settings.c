/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/settings.h"

bool settings_apply(struct settings *s, const struct config *c, int64_t table_gid)
{
    atomic_store(&s->activation_delay, c->activation_delay);
    atomic_store(&s->retention, c->retention);
    atomic_store(&s->idle_timeout, c->idle_timeout);
    atomic_store(&s->line_timeout, c->line_timeout);
    atomic_store(&s->journal_entries, c->journal_entries);
    atomic_store(&s->trust_clock, c->trust_clock);
    return atomic_exchange(&s->table_gid, table_gid) != table_gid;
}
