/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/policy_check.h"

#include <stdlib.h>

#include "proto/scopes.h"
#include "proto/stamp.h"

static const struct {
    enum policy_rule rule;
    const char *name;
} rules[] = {
    { POLICY_RULE_MAX_TTL, "max_ttl" },
    { POLICY_RULE_REQUIRE, "require" },
    { POLICY_RULE_SCOPES, "scopes" },
    { POLICY_RULE_MAX_TOKENS, "max_tokens_per_subject" },
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

void policy_check_put_rules(struct text *t, unsigned broken)
{
    const char *comma = "";

    for (size_t i = 0; i < RULES; i++) {
        if (!(broken & rules[i].rule))
            continue;
        text_addf(t, "%s%s", comma, rules[i].name);
        comma = ",";
    }
}

void policy_check_end(struct policy_check *p)
{
    free(p->policies);
    p->policies = NULL;
    subject_counts_free(&p->counts);
}

void policy_check_renew(struct policy_check *p, struct policies *new)
{
    if (new == NULL)
        return;
    free(p->policies);
    p->policies = new;
}

/* -- one token ---------------------------------------------------------------------------------- */

/* Return what of the requirements a token lacks. */
static unsigned missing(const struct policy *policy, const struct record *r)
{
    unsigned lacks = (r->description_len == 0 ? POLICY_REQUIRE_DESCRIPTION : 0) |
                     (r->subject_len == 0 ? POLICY_REQUIRE_SUBJECT : 0) |
                     (r->scopes_len == 0 ? POLICY_REQUIRE_SCOPES : 0) |
                     (r->expires == TIME_NEVER ? POLICY_REQUIRE_EXPIRY : 0);

    return policy->require & lacks;
}

static bool ends_too_late(const struct policy *policy, int64_t expires, int64_t now)
{
    return policy->max_ttl > 0 && (expires == TIME_NEVER || expires > now + policy->max_ttl);
}

unsigned policy_check_violations(struct policy_check *p, const struct record *r, int64_t now)
{
    struct slice subject = record_subject(r);
    unsigned broken = 0;

    if (p->policies == NULL || r->revoked != 0 || r->expires <= now)
        return 0;
    const struct policy *policy = policies_find(p->policies, subject);
    if (ends_too_late(policy, r->expires, now))
        broken |= POLICY_RULE_MAX_TTL;
    if (missing(policy, r) != 0)
        broken |= POLICY_RULE_REQUIRE;
    if (policy_refused_scope(policy, record_scopes(r)).at != NULL)
        broken |= POLICY_RULE_SCOPES;
    if (policy->max_tokens_per_subject > 0 &&
        subject_counts_of(&p->counts, subject, now) > policy->max_tokens_per_subject)
        broken |= POLICY_RULE_MAX_TOKENS;
    return broken;
}

/* -- what a request leaves out ------------------------------------------------------------------ */

/* By [self], by which a token that has no end gets one. */
static void set_own_end(struct change *c, bool inherits, int64_t now)
{
    const struct policy *self = &c->policies->self;
    int64_t ttl = policy_self_ttl(self);
    struct record *r = &c->want;

    if (r->expires == TIME_NEVER && ttl > 0)
        r->expires = now + ttl;
    if (inherits && ends_too_late(self, r->expires, now))
        r->expires = now + self->max_ttl;
}

void policy_check_set_end(struct change *c, bool inherits, int64_t now)
{
    struct record *r = &c->want;

    if (c->policies == NULL || (c->given & (KEY_BIT(KEY_TTL) | KEY_BIT(KEY_EXPIRES))))
        return;
    if (c->by_self)
        set_own_end(c, inherits, now);
    const struct policy *policy = policies_find(c->policies, record_subject(r));
    if (r->expires == TIME_NEVER && policy->default_ttl > 0)
        r->expires = now + policy->default_ttl;
    if (inherits && ends_too_late(policy, r->expires, now))
        r->expires = now + policy->max_ttl;
}

/* -- one change --------------------------------------------------------------------------------- */

/* Return the token that an applied change is about and that was there before; NULL: there is none. */
static const struct record *concerned(const struct change *c)
{
    if (c->rotates)
        return &c->found;
    return c->removes || (c->puts && !c->is_new) ? c->after : NULL;
}

bool policy_check_read(struct policy_check *p, const struct change *c, struct store *store)
{
    const struct record *r = concerned(c);

    p->has_before = false;
    if (r == NULL)
        return true;
    p->has_before = c->has_read && c->as_read == &p->before &&
                    memcmp(p->before.digest, r->digest, DIGEST_SIZE) == 0;
    if (p->has_before)
        return true;
    enum store_found found = store_get(store, r->digest, &p->before);
    p->has_before = found == STORE_FOUND;
    return found != STORE_FAILED;
}

/* Begin the fields of a refusal. */
static struct text begin_refusal(struct change *c, const struct policy *policy, size_t rule)
{
    struct text t = text_in(c->refusal, sizeof(c->refusal));

    line_puts(&t, "rule", rules[rule].name);
    if (policy->name[0] != '\0')
        line_puts(&t, "policy", policy->name);
    return t;
}

static bool refuse(struct change *c, const struct text *fields, const char *why)
{
    c->refusal_len = (uint16_t)fields->len;
    problem_set(&c->problem, STATUS_POLICY, "%s", why);
    return false;
}

static bool check_end(struct change *c, const struct policy *policy, const struct record *before,
                      int64_t now)
{
    const struct record *r = c->after;

    if (!ends_too_late(policy, r->expires, now) ||
        (before != NULL && r->expires <= before->expires))
        return true;
    struct text t = begin_refusal(c, policy, 0);
    text_adds(&t, " max=");
    duration_write(&t, policy->max_ttl);
    return refuse(c, &t,
                  r->expires == TIME_NEVER ?
                      "the policy requires an end, see max=; give ttl= or expires=" :
                      "the policy allows no end that late, see max=");
}

static bool check_required(struct change *c, const struct policy *policy,
                           const struct record *before)
{
    unsigned lacks = missing(policy, c->after);

    if (before != NULL)
        lacks &= ~missing(policy, before);
    if (lacks == 0)
        return true;
    struct text t = begin_refusal(c, policy, 1);
    text_adds(&t, " missing=");
    policy_put_require(&t, lacks);
    return refuse(c, &t, "the token lacks what the policy requires, see missing=");
}

static bool check_scopes(struct change *c, const struct policy *policy, const struct record *before)
{
    struct slice rest = record_scopes(c->after), refused;

    while ((refused = policy_refused_scope(policy, rest)).at != NULL) {
        if (before == NULL || !scopes_include(record_scopes(before), refused)) {
            struct text t = begin_refusal(c, policy, 2);
            line_put(&t, "scope", refused);
            return refuse(c, &t, "the policy does not grant this scope");
        }
        const char *behind = refused.at + refused.len, *end = rest.at + rest.len;
        rest = (struct slice){ behind + (behind < end), (size_t)(end - behind) - (behind < end) };
    }
    return true;
}

/* A rotation without a grace takes as much as it adds. */
static bool check_count(struct policy_check *p, struct change *c, const struct policy *policy,
                        const struct record *before, int64_t now)
{
    const struct record *r = c->after;
    bool adds = before == NULL && r->expires > now && !(c->rotates && c->found.revoked != 0);

    if (policy->max_tokens_per_subject == 0 || r->subject_len == 0 || !adds ||
        subject_counts_of(&p->counts, record_subject(r), now) < policy->max_tokens_per_subject)
        return true;
    struct text t = begin_refusal(c, policy, 3);
    line_put_u64(&t, "max", policy->max_tokens_per_subject);
    return refuse(c, &t, "the subject has as many tokens as the policy allows");
}

/* Refuse what a user may not give his own tokens: whatever they had before, what he makes of one is as
 * he could make it anew.  Without patterns he may grant no scope. */
static bool check_own(struct policy_check *p, struct change *c, int64_t now)
{
    static const struct policy no_scope = { .scopes = "," };
    const struct policy *self = &p->policies->self;
    const struct policy *scopes = self->scopes[0] != '\0' ? self : &no_scope;

    if (check_required(c, self, NULL) && check_end(c, self, NULL, now) &&
        check_scopes(c, scopes, NULL) && (!c->is_new || check_count(p, c, self, NULL, now)))
        return true;
    struct text t = text_in(c->refusal, sizeof(c->refusal));
    t.len = c->refusal_len;
    line_puts(&t, "policy", POLICY_SELF_NAME);
    c->refusal_len = (uint16_t)t.len;
    return false;
}

bool policy_check_permits(struct policy_check *p, struct change *c, int64_t now)
{
    const struct record *r = c->after;

    if (c->is_new && !subject_counts_reserve(&p->counts)) {
        problem_set(&c->problem, STATUS_INTERNAL, "no memory");
        return false;
    }
    if (p->policies == NULL || !c->kind->grants || !c->puts || r->revoked != 0 ||
        (c->kind->exemptible && policies_exempt_import(p->policies, c->uid)))
        return true;
    if (c->by_self && !check_own(p, c, now))
        return false;
    const struct policy *policy = policies_find(p->policies, record_subject(r));
    const struct record *before = NULL;
    if (!c->is_new && p->has_before && slice_equal(record_subject(&p->before), record_subject(r)))
        before = &p->before;
    return check_required(c, policy, before) && check_end(c, policy, before, now) &&
           check_scopes(c, policy, before) && check_count(p, c, policy, before, now);
}

/* -- the counts --------------------------------------------------------------------------------- */

/* Without memory the token that is taken back goes on counting: that refuses rather than grants. */
void policy_check_note(struct policy_check *p, const struct change *c)
{
    const struct record *r = concerned(c);

    if ((r == NULL && !c->is_new) || !subject_counts_reserve(&p->counts))
        return;
    if (r != NULL && p->has_before && p->before.revoked == 0)
        subject_counts_remove(&p->counts, record_subject(&p->before), p->before.expires);
    if (r != NULL && !c->removes && r->revoked == 0)
        subject_counts_add(&p->counts, record_subject(r), r->expires);
    if (c->is_new && c->after->revoked == 0)
        subject_counts_add(&p->counts, record_subject(c->after), c->after->expires);
}
