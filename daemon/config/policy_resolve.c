/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/policy_resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/name_lookup.h"

/* Fill a problem whose message begins with where the key was set, or else the section begun. */
static void blame(const struct config *c, const struct policy *policy, enum policy_key key,
                  enum status status, const char *why, struct problem *problem)
{
    int line = policy->line[key] != 0 ? policy->line[key] : policy->begun;
    char place[100] = "--set";

    if (line > 0)
        snprintf(place, sizeof(place), "%.80s:%d", c->file, line);
    problem_set(problem, status, "%s: [%s%s%s] %s: %.80s", place,
                policy == &c->policies.self ? "self" : "policy", policy->name[0] != '\0' ? " " : "",
                policy->name, policy_key_name(key), why);
}

static void check_one(const struct config *c, const struct policy *policy,
                      struct config_faults *faults)
{
    enum policy_key key;
    struct problem problem;
    const char *fault = policy_fault(policy, &key);

    if (fault == NULL)
        return;
    blame(c, policy, key, STATUS_BAD_VALUE, fault, &problem);
    config_fault_add(faults, &problem);
}

static bool find_user(const char *name, uid_t *uid)
{
    uint64_t number;

    if (!number_parse(slice_of(name), UINT32_MAX - 1, &number))
        return name_lookup_user(name, uid);
    *uid = (uid_t)number;
    return true;
}

static void resolve_exempt(const struct config *c, size_t at, uid_t *uid,
                           struct config_faults *faults)
{
    const char *name = c->policies.exempt_import[at];
    char why[120];
    struct problem problem;

    *uid = (uid_t)-1;
    if (find_user(name, uid))
        return;
    int error = name_lookup_error();
    if (error != 0)
        snprintf(why, sizeof(why), "the user %.40s cannot be looked up: %.30s", name,
                 strerror(error));
    else
        snprintf(why, sizeof(why), "there is no user %.40s on this machine", name);
    /* trying again may help */
    blame(c, &c->policies.other, POLICY_KEY_EXEMPT_IMPORT,
          error != 0 ? STATUS_INTERNAL : STATUS_BAD_VALUE, why, &problem);
    config_fault_add(faults, &problem);
}

void policies_resolve(const struct config *c, uid_t exempt[POLICY_EXEMPT_MAX],
                      struct config_faults *faults)
{
    const struct policies *p = &c->policies;

    check_one(c, &p->self, faults);
    check_one(c, &p->other, faults);
    for (size_t i = 0; i < p->count; i++)
        check_one(c, &p->named[i], faults);
    if (p->other.refused & UINT32_C(1) << POLICY_KEY_EXEMPT_IMPORT)
        return;
    for (size_t i = 0; i < p->exempt; i++)
        resolve_exempt(c, i, &exempt[i], faults);
}

struct policies *policies_copy(const struct policies *p, const uid_t exempt[POLICY_EXEMPT_MAX])
{
    struct policies *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    *copy = *p;
    memcpy(copy->exempt_uid, exempt, sizeof(copy->exempt_uid));
    return copy;
}
