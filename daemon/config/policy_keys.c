/* SPDX-License-Identifier: Apache-2.0 */
/* Read the keys of a policy. */
#include <stdio.h>

#include "daemon/config/policy.h"
#include "daemon/config/service_config.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

/* One key: how to read it, and which values are allowed. */
struct key_row {
    const char *name;
    bool (*read)(struct policy *policy, struct slice value);
    const char *allowed;
};

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (struct slice){ s.at + 1, s.len - 1 };
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cut the next word off a list, with commas between them; false at its end.  An empty word is one,
 * too. */
static bool next_word(struct slice *list, struct slice *word)
{
    if (list->at == NULL)
        return false;
    const char *comma = list->len > 0 ? memchr(list->at, ',', list->len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - list->at) : list->len;
    *word = trim((struct slice){ list->at, len });
    *list = comma != NULL ? (struct slice){ comma + 1, list->len - len - 1 } :
                            (struct slice){ NULL, 0 };
    return true;
}

static bool read_subject(struct policy *policy, struct slice value)
{
    if (value.len == 0 || value.len > SUBJECT_MAX || !utf8_valid(value))
        return false;
    memcpy(policy->subject, value.at, value.len);
    policy->subject[value.len] = '\0';
    return true;
}

static bool read_default_ttl(struct policy *policy, struct slice value)
{
    return duration_parse(value, &policy->default_ttl);
}

static bool read_max_ttl(struct policy *policy, struct slice value)
{
    return duration_parse(value, &policy->max_ttl);
}

/* By the bits of enum policy_requirement. */
static const char *const requirements[] = { "description", "subject", "scopes", "expiry" };
enum { REQUIREMENTS = sizeof(requirements) / sizeof(requirements[0]) };

void policy_put_require(struct text *t, unsigned require)
{
    const char *comma = "";

    for (size_t i = 0; i < REQUIREMENTS; i++) {
        if (!(require & 1u << i))
            continue;
        text_addf(t, "%s%s", comma, requirements[i]);
        comma = ",";
    }
}

static bool read_require(struct policy *policy, struct slice value)
{
    struct slice list = value, word;
    unsigned require = 0;

    while (value.len > 0 && next_word(&list, &word)) {
        size_t i = 0;
        while (i < REQUIREMENTS && !slice_is(word, requirements[i]))
            i++;
        if (i == REQUIREMENTS)
            return false;
        require |= 1u << i;
    }
    policy->require = require;
    return true;
}

/* Add patterns; the empty value clears the list. */
static bool read_scopes(struct policy *policy, struct slice value)
{
    struct text t = text_in(policy->scopes, sizeof(policy->scopes) - 1);
    struct slice list = value, word;

    t.len = value.len > 0 ? strlen(policy->scopes) : 0;
    while (value.len > 0 && next_word(&list, &word)) {
        if (word.len == 0 || scopes_fault(word) != NULL || t.cap - t.len < word.len + 1)
            return false;
        if (t.len > 0)
            text_addc(&t, ',');
        text_add(&t, word.at, word.len);
    }
    policy->scopes[t.len] = '\0';
    return true;
}

static bool read_max_tokens(struct policy *policy, struct slice value)
{
    return number_parse(value, 1000000, &policy->max_tokens_per_subject);
}

static const struct key_row rows[] = {
    [POLICY_KEY_SUBJECT] = { "subject", read_subject,
                             "a pattern of 1 to 256 bytes, such as svc-*" },
    [POLICY_KEY_DEFAULT_TTL] = { "default_ttl", read_default_ttl,
                                 "a duration such as 12h or 90d, or 0s for none" },
    [POLICY_KEY_MAX_TTL] = { "max_ttl", read_max_ttl,
                             "a duration such as 12h or 90d, or 0s for any" },
    [POLICY_KEY_REQUIRE] = { "require", read_require,
                             "any of description, subject, scopes and expiry, with commas" },
    [POLICY_KEY_SCOPES] = { "scopes", read_scopes,
                            "scopes with * for any text, with commas; at most 1024 bytes of them" },
    [POLICY_KEY_MAX_TOKENS] = { "max_tokens_per_subject", read_max_tokens,
                                "a number up to 1000000, or 0 for any" },
    [POLICY_KEY_WARN] = { "warn", NULL, "up to 8 durations such as 14d,3d" },
    [POLICY_KEY_EXEMPT_IMPORT] = { "exempt_import", NULL,
                                   "up to 16 users of at most 63 bytes, with commas" },
};

const char *policy_key_name(enum policy_key key)
{
    return rows[key].name;
}

static enum policy_key key_named(const char *name)
{
    enum policy_key key = 0;

    while (key < POLICY_KEYS && strcmp(rows[key].name, name) != 0)
        key++;
    return key;
}

/* Refuse a key that this section cannot have, or has already. */
static bool check_key(const struct policy *policy, const char *section, const char *name,
                      enum policy_key key, int line, struct problem *problem)
{
    const char *named = policy->name;

    if (key == POLICY_KEYS)
        problem_set(problem, STATUS_UNKNOWN_KEY, "[%.73s] has no key %.60s", section, name);
    else if (key == POLICY_KEY_SUBJECT && named[0] == '\0')
        problem_set(problem, STATUS_UNKNOWN_KEY,
                    "[%.73s] is for all subjects; subject = PATTERN goes into a [policy NAME]",
                    section);
    else if (line > 0 && policy->line[key] > 0 && key != POLICY_KEY_SCOPES)
        problem_set(problem, STATUS_DUPLICATE_KEY, "[%.73s] %s is given twice", section, name);
    else
        return true;
    return false;
}

static bool bad_value(struct policy *policy, const char *section, enum policy_key key,
                      struct problem *problem)
{
    policy->refused |= UINT32_C(1) << key;
    problem_set(problem, STATUS_BAD_VALUE, "[%.73s] %s: this should be %s", section, rows[key].name,
                rows[key].allowed);
    return false;
}

/* Note that a key has a value now. */
static bool taken(struct policy *policy, enum policy_key key, int line)
{
    policy->line[key] = line;
    policy->refused &= ~(UINT32_C(1) << key);
    return true;
}

bool policy_set(struct policy *policy, const char *section, const char *name, struct slice value,
                int line, struct problem *problem)
{
    enum policy_key key = key_named(name);

    if (key < POLICY_KEYS && rows[key].read == NULL) {
        problem_set(problem, STATUS_UNKNOWN_KEY, "[%.73s] cannot have %s: only [policy] can",
                    section, name);
        return false;
    }
    if (!check_key(policy, section, name, key, line, problem))
        return false;
    /* The first patterns of --set replace those of the file. */
    if (key == POLICY_KEY_SCOPES && line < 0 && policy->line[key] >= 0)
        policy->scopes[0] = '\0';
    return rows[key].read(policy, value) ? taken(policy, key, line) :
                                           bad_value(policy, section, key, problem);
}

/* -- keys of [policy] alone -------------------------------------------------------------------- */

/* Insert a duration so that the longest comes first. */
static bool add_warning(struct policies *p, int64_t warn)
{
    size_t at = p->warnings;

    if (warn <= 0 || p->warnings == POLICY_WARNINGS_MAX)
        return false;
    for (; at > 0 && p->warn[at - 1] <= warn; at--) {
        if (p->warn[at - 1] == warn)
            return false;
        p->warn[at] = p->warn[at - 1];
    }
    p->warn[at] = warn;
    p->warnings++;
    return true;
}

static bool read_warn(struct policies *p, struct slice value)
{
    struct slice list = value, word;
    int64_t warn;

    p->warnings = 0;
    while (value.len > 0 && next_word(&list, &word))
        if (!duration_parse(word, &warn) || !add_warning(p, warn))
            return false;
    return true;
}

static bool read_exempt(struct policies *p, struct slice value)
{
    struct slice list = value, word;

    p->exempt = 0;
    while (value.len > 0 && next_word(&list, &word)) {
        if (word.len == 0 || word.len >= POLICY_USER_MAX || p->exempt == POLICY_EXEMPT_MAX)
            return false;
        snprintf(p->exempt_import[p->exempt++], POLICY_USER_MAX, "%.*s", (int)word.len, word.at);
    }
    return true;
}

static bool set_unnamed(struct policies *p, const char *name, struct slice value, int line,
                        struct problem *problem)
{
    enum policy_key key = key_named(name);

    if (key != POLICY_KEY_WARN && key != POLICY_KEY_EXEMPT_IMPORT)
        return policy_set(&p->other, "policy", name, value, line, problem);
    if (!check_key(&p->other, "policy", name, key, line, problem))
        return false;
    return (key == POLICY_KEY_WARN ? read_warn : read_exempt)(p, value) ?
               taken(&p->other, key, line) :
               bad_value(&p->other, "policy", key, problem);
}

/* -- sections ---------------------------------------------------------------------------------- */

static const char *name_of(const char *section)
{
    const char *name = section + strlen("policy");

    return name + strspn(name, " ");
}

bool policy_is_section(const char *section)
{
    return strncmp(section, "policy", 6) == 0 && (section[6] == '\0' || section[6] == ' ');
}

/* Find or add a named section.  NULL: *problem. */
static struct policy *get_named(struct policies *p, const char *name, struct problem *problem)
{
    struct slice s = slice_of(name);

    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->named[i].name, name) == 0)
            return &p->named[i];
    if (s.len > SERVICE_MAX || memchr(name, ',', s.len) != NULL || scopes_fault(s) != NULL)
        problem_set(
            problem, STATUS_BAD_VALUE,
            "[policy NAME]: NAME should be 1 to %d bytes out of A-Z a-z 0-9 . _ : / * and -",
            SERVICE_MAX);
    else if (strcmp(name, POLICY_SELF_NAME) == 0)
        problem_set(problem, STATUS_BAD_VALUE,
                    "[policy %s]: replies call [self] by this name; choose another one", name);
    else if (p->count == POLICIES_MAX)
        problem_set(problem, STATUS_BAD_VALUE, "there can be at most %d sections [policy NAME]",
                    POLICIES_MAX);
    else {
        struct policy *new = &p->named[p->count++];
        *new = (struct policy){ .require = 0 };
        memcpy(new->name, name, s.len);
        return new;
    }
    return NULL;
}

static struct policy *get(struct policies *p, const char *section, struct problem *problem)
{
    const char *name = name_of(section);

    return name[0] == '\0' ? &p->other : get_named(p, name, problem);
}

bool policies_begin(struct policies *p, const char *section, int line, struct problem *problem)
{
    struct policy *policy = get(p, section, problem);

    if (policy != NULL)
        policy->begun = line;
    return policy != NULL;
}

bool policies_set(struct policies *p, const char *section, const char *name, struct slice value,
                  int line, struct problem *problem)
{
    struct policy *policy = get(p, section, problem);

    if (policy == NULL)
        return false;
    if (policy->begun == 0)
        policy->begun = line;
    return policy == &p->other ? set_unnamed(p, name, value, line, problem) :
                                 policy_set(policy, section, name, value, line, problem);
}
