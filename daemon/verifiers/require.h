/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier "require": demands something of the identity that others supply, or of who asks.
 *
 *     scope=a,b           the identity has all these scopes
 *     subject=NAME        its subject is NAME; repeated: one of them
 *     issuer=NAME         it comes from this issuer; repeated: from one of them
 *     min_remaining=5m    it does not end sooner than that
 *     peer_uid=USER       who asks runs as this user (name or number); repeated: one of them
 *     peer_gid=GROUP      ... is in this group; repeated: in one of them */
#ifndef JETON_DAEMON_VERIFIERS_REQUIRE_H
#define JETON_DAEMON_VERIFIERS_REQUIRE_H

#include "daemon/verifiers/verifier.h"
#include "proto/text.h"

enum { REQUIRE_LOOKUP_FAILED = -2 }; /* open(): a name service did not answer */

extern const struct jeton_verifier require_verifier;

/* True if it judges the identity, and so cannot judge before there is one. */
bool require_needs_identity(const void *instance);

/* True if it judges the groups of who asks. */
bool require_needs_groups(const void *instance);

/* Return the scopes, if it requires nothing else; otherwise at == NULL. */
struct slice require_scopes_only(const void *instance);

#endif
