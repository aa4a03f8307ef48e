/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/policy_print.h"

#include <stdio.h>

#include "proto/stamp.h"

enum { VALUE_WANTED = 160 }; /* bytes: a line has at most 198 */

static void print_duration(const char *key, int64_t seconds)
{
    char buffer[32];
    struct text t = text_in(buffer, sizeof(buffer) - 1);

    duration_write(&t, seconds);
    printf("%s = %.*s\n", key, (int)t.len, buffer);
}

/* Print the patterns in as many lines as needed. */
static void print_scopes(const char *scopes)
{
    do {
        size_t len = strlen(scopes);
        while (len > VALUE_WANTED) {
            const char *comma = memrchr(scopes, ',', len);
            if (comma == NULL)
                break;
            len = (size_t)(comma - scopes);
        }
        printf("scopes = %.*s\n", (int)len, scopes);
        scopes += len + (scopes[len] == ',');
    } while (*scopes != '\0');
}

static void print_rules(const struct policy *policy)
{
    char buffer[64];
    struct text require = text_in(buffer, sizeof(buffer));

    print_duration("default_ttl", policy->default_ttl);
    print_duration("max_ttl", policy->max_ttl);
    policy_put_require(&require, policy->require);
    printf("require = %.*s\n", (int)require.len, buffer);
    print_scopes(policy->scopes);
    printf("max_tokens_per_subject = %llu\n", (unsigned long long)policy->max_tokens_per_subject);
}

static void print_policy(const struct policy *policy)
{
    if (policy->name[0] != '\0')
        printf("\n[policy %s]\nsubject = %s\n", policy->name, policy->subject);
    else
        printf("\n[policy]\n");
    print_rules(policy);
}

void policies_print(const struct policies *p)
{
    char buffer[256];
    struct text warn = text_in(buffer, sizeof(buffer));

    print_rules(&p->self);
    print_policy(&p->other);
    for (size_t i = 0; i < p->warnings; i++) {
        text_adds(&warn, i > 0 ? "," : "");
        duration_write(&warn, p->warn[i]);
    }
    printf("warn = %.*s\nexempt_import = ", (int)warn.len, buffer);
    for (size_t i = 0; i < p->exempt; i++)
        printf("%s%s", i > 0 ? "," : "", p->exempt_import[i]);
    printf("\n");
    for (size_t i = 0; i < p->count; i++)
        print_policy(&p->named[i]);
}
