/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/groups.h"

#include <stdlib.h>

#include "plugin/fleet/value.h"

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Add the configured groups as the database writes them. */
static void put_wanted(const struct config *config, struct text *t)
{
    char group[CONFIG_GROUPS_MAX][GROUP_MAX + 1];

    memcpy(group, config->group, sizeof(group));
    qsort(group, config->groups, sizeof(group[0]), compare);
    for (unsigned i = 0; i < config->groups; i++) {
        if (i > 0 && strcmp(group[i], group[i - 1]) == 0)
            continue;
        if (i > 0)
            text_addc(t, ',');
        text_adds(t, group[i]);
    }
}

static void on_groups(void *context, const struct database_answer *answer)
{
    static bool said;
    const struct context *c = context;
    char bytes[CONFIG_GROUPS_MAX * (GROUP_MAX + 1)];
    struct text wanted = text_in(bytes, sizeof(bytes));

    if (!answer->ok || PQntuples(answer->result[0]) != 1 || c->config->groups == 0)
        return;
    const struct slice has = value_column(answer->result[0], 0, 0);
    put_wanted(c->config, &wanted);
    const bool other = !slice_equal(text_slice(&wanted), has);
    if (other && !said)
        log_write(LOG_WARNING,
                  "this host's groups are `%.*s` in the database, and `%.*s` in the configuration: "
                  "the database's count; `jeton fleet join` changes them",
                  (int)has.len, has.at != NULL ? has.at : "", (int)wanted.len, wanted.at);
    said = other;
}

void groups_check(struct context *c)
{
    database_ask(c->database, QUERY_GROUPS, NULL, on_groups, c);
}
