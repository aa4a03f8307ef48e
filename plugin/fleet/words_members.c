/* SPDX-License-Identifier: Apache-2.0 */
/* join and leave: who is in the fleet. */
#include <stdio.h>
#include <string.h>

#include "plugin/fleet/agent.h"
#include "plugin/fleet/words.h"
#include "proto/fleet.h"

/* Write a list with commas as an array of PostgreSQL's.  False, after a message: a name is none. */
static bool make_array(const char *groups, char *array, size_t size)
{
    struct text t = text_in(array, size - 1);

    text_addc(&t, '{');
    for (const char *at = groups; at != NULL;) {
        const char *comma = strchr(at, ',');
        const struct slice name = { at, comma != NULL ? (size_t)(comma - at) : strlen(at) };
        if (name.len == 0 || fleet_name_fault(name) != NULL) {
            fprintf(
                stderr,
                "jeton-fleet: --groups: %.*s: a group's name is 1 to %d characters out of A-Z a-z 0-9 . _ -\n",
                (int)name.len, name.at, GROUP_MAX);
            return false;
        }
        if (at != groups)
            text_addc(&t, ',');
        text_add(&t, name.at, name.len);
        at = comma != NULL ? comma + 1 : NULL;
    }
    text_addc(&t, '}');
    if (t.cut)
        fprintf(stderr, "jeton-fleet: --groups: these are too many\n");
    else
        array[t.len] = '\0';
    return !t.cut;
}

static int change(const struct config *c, const struct word_options *o, const char *what,
                  const char *sql, int count, const char *const *parameters)
{
    PGconn *conn = words_connect(c, o, true);
    PGresult *r = NULL;

    if (conn == NULL)
        return EXIT_UNAVAILABLE;
    r = words_query(conn, what, sql, count, parameters);
    const int status = r != NULL ? EXIT_OK : EXIT_FAILED;
    PQclear(r);
    PQfinish(conn);
    return status;
}

int word_join(const struct config *c, const struct word_options *o)
{
    char groups[CONFIG_GROUPS_MAX * (GROUP_MAX + 1) + 3];
    const char *parameters[] = { o->host, groups, o->issuer ? "true" : "false" };

    if (o->groups == NULL) {
        fprintf(stderr,
                "jeton-fleet: join: name the groups whose tokens %s is to honour: --groups=a,b\n",
                o->host);
        return EXIT_WRONG_CONFIG;
    }
    if (!make_array(o->groups, groups, sizeof(groups)))
        return EXIT_WRONG_CONFIG;
    const int status = change(c, o, "join", "select jeton.join($1::text, $2::text[], $3::bool)", 3,
                              parameters);
    if (status == EXIT_OK)
        printf("%s honours the tokens of %s%s\n", o->host, o->groups,
               o->issuer ? ", and may make tokens" : "");
    return status;
}

int word_leave(const struct config *c, const struct word_options *o)
{
    const char *parameters[] = { o->host };
    const int status = change(c, o, "leave", "select jeton.leave($1::text)", 1, parameters);

    if (status == EXIT_OK)
        printf("%s has left: it may not log in any more, and its lease ends\n", o->host);
    return status;
}
