/* SPDX-License-Identifier: Apache-2.0 */
/* Name a credential by the identifier that its issuer gave it (jti), for verifiers in shared
 * objects.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_CREDENTIAL_ID_H
#define JETON_DAEMON_VERIFIERS_CREDENTIAL_ID_H

#include "daemon/verifiers/verifier.h"
#include "proto/text.h"

/* Write a text that is the same for equal jti, and differs for others: the jti itself; or, if it is
 * too long, has control characters or `secret` is set, "blake2b:" and 48 hex digits of its digest.
 * "" for an empty jti. */
void credential_id_write(struct slice jti, bool secret,
                         char id[sizeof(((struct jeton_identity *)NULL)->id)]);

/* Give the identity of an earlier verifier, in the answer that narrows it, the issuer and id that
 * this verifier found, unless they contradict: jetond keeps the earlier ones for its reply, but
 * these name the credential, too. */
void credential_id_add(struct jeton_identity *earlier, const struct jeton_identity *found);

/* True for text that may be shown: without control characters of ASCII or Latin-1.  It must be
 * UTF-8. */
bool credential_text_is_printable(struct slice text);

#endif
