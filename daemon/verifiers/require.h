/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier that vouches for nobody but narrows what the others let pass.
 *
 *     scope=a,b           the identity has these scopes
 *     subject=NAME        it speaks for NAME; may be repeated: for one of them
 *     issuer=NAME         it comes from this issuer; may be repeated
 *     min_remaining=5m    it does not end sooner than that
 *     peer_uid=USER       the process that asks is this user's, by name or number; may be repeated
 *     peer_gid=GROUP      ... is in this group; may be repeated */
#ifndef JETON_DAEMON_VERIFIERS_REQUIRE_H
#define JETON_DAEMON_VERIFIERS_REQUIRE_H

#include "daemon/verifiers/verifier.h"
#include "proto/text.h"

extern const struct jeton_verifier require_verifier;

/* True if it looks at the identity, and so can say nothing before there is one. */
bool require_narrows(const void *instance);

/* The scopes, if that is all it requires; else at == NULL. */
struct slice require_scopes_only(const void *instance);

#endif
