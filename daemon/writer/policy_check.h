/* SPDX-License-Identifier: Apache-2.0 */
/* Apply the policies of the configuration to changes, inside their transaction.  The writer's thread
 * only.
 *
 * What a change brings is judged, not what was there before: a token that breaks a policy which came
 * later can be updated in what that does not concern, narrowed, and denied.  So a rule refuses
 *
 *     max_ttl                  an end that is too far from now, and later than it was
 *     require                  what is missing, and was not
 *     scopes                   a scope that the token did not have
 *     max_tokens_per_subject   one more token of the subject
 *
 * and a token that is new, or gets another subject, had nothing before. */
#ifndef JETON_DAEMON_WRITER_POLICY_CHECK_H
#define JETON_DAEMON_WRITER_POLICY_CHECK_H

#include "daemon/config/policy.h"
#include "daemon/table/subject_counts.h"
#include "daemon/writer/change.h"

/* The rules, as bits. */
enum policy_rule {
    POLICY_RULE_MAX_TTL = 1,
    POLICY_RULE_REQUIRE = 2,
    POLICY_RULE_SCOPES = 4,
    POLICY_RULE_MAX_TOKENS = 8,
};

struct policy_check {
    struct policies *policies; /* in force; NULL: none */
    struct subject_counts counts;
    bool has_before;
    struct record before; /* the token that the change concerns, as it is in the store */
};

/* Free what it has. */
void policy_check_end(struct policy_check *p);

/* Take over new policies, which are then in force; NULL: there are none. */
void policy_check_renew(struct policy_check *p, struct policies *new);

/* Set the end of a new token whose request names none: by default_ttl; and, if it inherits its end,
 * no later than max_ttl allows. */
void policy_check_set_end(struct change *c, bool inherits, int64_t now);

/* Read the token that an applied change is about, as it was before, unless the change has it in
 * `before` already.  False: the store failed. */
bool policy_check_read(struct policy_check *p, const struct change *c, struct store *store);

/* Refuse an applied change that breaks a rule: false, and its problem says which. */
bool policy_check_permits(struct policy_check *p, struct change *c, int64_t now);

/* Count the change that was put. */
void policy_check_note(struct policy_check *p, const struct change *c);

/* Return the rules that a token breaks as it is; those of revoked and expired ones are none. */
unsigned policy_check_violations(struct policy_check *p, const struct record *r, int64_t now);

/* Add the names of rules, joined by commas. */
void policy_check_put_rules(struct text *t, unsigned rules);

#endif
