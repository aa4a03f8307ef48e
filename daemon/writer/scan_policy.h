/* SPDX-License-Identifier: Apache-2.0 */
/* What scans show of policies: those in force, and which tokens break them.  The writer's thread
 * only. */
#ifndef JETON_DAEMON_WRITER_SCAN_POLICY_H
#define JETON_DAEMON_WRITER_SCAN_POLICY_H

#include "daemon/writer/policy_check.h"
#include "daemon/writer/scan.h"

/* Add lines for the policies that the scan has not shown yet: that of users' own tokens, if there is a
 * socket for these, then the others in the order in which they are tried; for a user, only what holds
 * for him.  Stop where a line of any length would not fit.  True: these were the last. */
bool scan_policy_put(struct scan *s, struct policy_check *check, int64_t now, struct text *t);

/* False if the scan asks for tokens that break a policy, and this one does not. */
bool scan_policy_matches(const struct scan *s, struct policy_check *p, const struct record *r,
                         int64_t now);

/* In such a scan, add " violates=…" to a token's line: the rules that it breaks. */
void scan_policy_put_rules(const struct scan *s, struct policy_check *p, const struct record *r,
                           int64_t now, struct text *t);

#endif
