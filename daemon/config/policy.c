/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/policy.h"

/* -- patterns -------------------------------------------------------------------------------- */

/* When the text goes on differently, the last * takes one byte more. */
bool policy_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.at[p] == text.at[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

/* Cut the next word off a list that is joined by commas; false at its end. */
static bool next_word(struct slice *list, struct slice *word)
{
    if (list->len == 0)
        return false;
    const char *comma = memchr(list->at, ',', list->len);
    *word = (struct slice){ list->at, comma != NULL ? (size_t)(comma - list->at) : list->len };
    size_t taken = word->len + (comma != NULL ? 1 : 0);
    *list = (struct slice){ list->at + taken, list->len - taken };
    return true;
}

struct slice policy_refused_scope(const struct policy *policy, struct slice scopes)
{
    struct slice scope;

    while (policy->scopes[0] != '\0' && next_word(&scopes, &scope)) {
        struct slice patterns = slice_of(policy->scopes), pattern;
        bool granted = false;
        while (!granted && next_word(&patterns, &pattern))
            granted = policy_matches(pattern, scope);
        if (!granted)
            return scope;
    }
    return (struct slice){ NULL, 0 };
}

const struct policy *policies_find(const struct policies *p, struct slice subject)
{
    for (size_t i = 0; i < p->count && subject.len > 0; i++)
        if (policy_matches(slice_of(p->named[i].subject), subject))
            return &p->named[i];
    return &p->other;
}

bool policies_exempt_import(const struct policies *p, uid_t uid)
{
    for (size_t i = 0; i < p->exempt; i++)
        if (p->exempt_uid[i] == uid)
            return true;
    return false;
}

/* -- what contradicts itself ------------------------------------------------------------------ */

const char *policy_fault(const struct policy *policy, enum policy_key *at)
{
    *at = POLICY_KEY_SUBJECT;
    if (policy->name[0] != '\0' && policy->subject[0] == '\0' &&
        !(policy->refused & UINT32_C(1) << POLICY_KEY_SUBJECT))
        return "this section needs subject = PATTERN";
    *at = POLICY_KEY_DEFAULT_TTL;
    if (policy->max_ttl > 0 && policy->default_ttl > policy->max_ttl)
        return "this is longer than max_ttl";
    return NULL;
}

int64_t policy_self_ttl(const struct policy *self)
{
    return self->default_ttl > 0 ? self->default_ttl : self->max_ttl;
}
