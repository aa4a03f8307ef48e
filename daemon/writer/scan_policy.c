/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_policy.h"

#include "proto/stamp.h"

enum { LINE_WANTED = 4096 }; /* bytes: no policy's line is longer */

/* -- one policy -------------------------------------------------------------------------------- */

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

/* Add [self] as it applies: there a token without an end gets the longest, and no patterns are no
 * scope. */
static void put_self(struct text *t, const struct policy *self)
{
    struct policy shown = *self;

    shown.default_ttl = policy_self_ttl(self);
    put_policy(t, &shown);
    if (shown.scopes[0] == '\0')
        line_puts(t, "scopes", "");
}

/* -- what [policy] has for all ----------------------------------------------------------------- */

static void put_warnings(struct text *t, const struct policies *p)
{
    for (size_t i = 0; i < p->warnings; i++) {
        text_adds(t, i == 0 ? " warn=" : ",");
        duration_write(t, p->warn[i]);
    }
}

static void put_exempt(struct text *t, const struct policies *p)
{
    char buffer[POLICY_EXEMPT_MAX * POLICY_USER_MAX];
    struct text users = text_in(buffer, sizeof(buffer));

    for (size_t i = 0; i < p->exempt; i++)
        text_addf(&users, "%s%s", i > 0 ? "," : "", p->exempt_import[i]);
    if (p->exempt > 0)
        line_put(t, "exempt_import", text_slice(&users));
}

/* -- lines ------------------------------------------------------------------------------------- */

/* Return the policy of a line; NULL: there are no more. */
static const struct policy *policy_of_line(const struct scan *s, const struct policies *p,
                                           uint64_t line)
{
    bool has_self = s->own || s->users_have_own;

    if (p == NULL || (has_self && line == 0))
        return p != NULL ? &p->self : NULL;
    line -= has_self ? 1 : 0;
    if (s->own)
        return line == 0 ? policies_find(p, scan_user(s)) : NULL;
    return line < p->count ? &p->named[line] : line == p->count ? &p->other : NULL;
}

static void put_line(const struct scan *s, struct policy_check *check, const struct policy *policy,
                     int64_t now, struct text *t)
{
    const struct policies *p = check->policies;
    bool is_self = policy == &p->self;

    text_addc(t, '*');
    line_puts(t, "policy", is_self ? POLICY_SELF_NAME : policy->name);
    if (is_self)
        put_self(t, policy);
    else
        put_policy(t, policy);
    if (is_self && s->own)
        line_put_u64(t, "tokens", subject_counts_of(&check->counts, scan_user(s), now));
    if (!is_self && (s->own || policy == &p->other))
        put_warnings(t, p);
    if (policy == &p->other && !s->own)
        put_exempt(t, p);
    text_addc(t, '\n');
}

/* The position in the scan is `count`: a reload in between may repeat or omit a policy. */
bool scan_policy_put(struct scan *s, struct policy_check *check, int64_t now, struct text *t)
{
    const struct policy *policy;

    while ((policy = policy_of_line(s, check->policies, s->count)) != NULL) {
        if (t->cap - t->len < 2 * LINE_WANTED)
            return false;
        put_line(s, check, policy, now, t);
        s->count++;
    }
    return true;
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
