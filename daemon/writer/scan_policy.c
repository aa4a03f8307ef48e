/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_policy.h"

#include "proto/stamp.h"

enum { LINE_WANTED = 4096 }; /* bytes: no policy's line is longer */

static void put_duration(struct text *t, const char *key, int64_t seconds)
{
    if (seconds == 0)
        return;
    text_addf(t, " %s=", key);
    duration_write(t, seconds);
}

static void put_text(struct text *t, const char *key, const char *value)
{
    if (value[0] != '\0')
        line_puts(t, key, value);
}

static void put_policy(struct text *t, const struct policy *policy)
{
    line_puts(t, "policy", policy->name);
    put_text(t, "subject", policy->subject);
    put_duration(t, "default_ttl", policy->default_ttl);
    put_duration(t, "max_ttl", policy->max_ttl);
    if (policy->require != 0) {
        text_adds(t, " require=");
        policy_put_require(t, policy->require);
    }
    put_text(t, "scopes", policy->scopes);
    if (policy->max_tokens_per_subject > 0)
        line_put_u64(t, "max_tokens", policy->max_tokens_per_subject);
}

/* Add what [policy] has for all. */
static void put_common(struct text *t, const struct policies *p)
{
    for (size_t i = 0; i < p->warnings; i++) {
        text_adds(t, i == 0 ? " warn=" : ",");
        duration_write(t, p->warn[i]);
    }
    if (p->exempt == 0)
        return;
    char buffer[POLICY_EXEMPT_MAX * POLICY_USER_MAX];
    struct text users = text_in(buffer, sizeof(buffer));
    for (size_t i = 0; i < p->exempt; i++)
        text_addf(&users, "%s%s", i > 0 ? "," : "", p->exempt_import[i]);
    line_put(t, "exempt_import", text_slice(&users));
}

/* The position in the scan is `count`: a reload in between may repeat or omit a policy. */
bool scan_policy_put(struct scan *s, const struct policies *p, struct text *t)
{
    size_t count = p != NULL ? p->count + 1 : 0;

    while (s->count < count && t->cap - t->len >= 2 * LINE_WANTED) {
        text_addc(t, '*');
        put_policy(t, s->count < p->count ? &p->named[s->count] : &p->other);
        if (s->count == p->count)
            put_common(t, p);
        text_addc(t, '\n');
        s->count++;
    }
    return s->count >= count;
}

bool scan_policy_matches(const struct scan *s, struct policy_check *p, const struct record *r,
                         int64_t now)
{
    return !(s->given & KEY_BIT(KEY_POLICY)) || policy_check_violations(p, r, now) != 0;
}

void scan_policy_put_rules(const struct scan *s, struct policy_check *p, const struct record *r,
                           int64_t now, struct text *t)
{
    if (!(s->given & KEY_BIT(KEY_POLICY)))
        return;
    text_adds(t, " violates=");
    policy_check_put_rules(t, policy_check_violations(p, r, now));
}
