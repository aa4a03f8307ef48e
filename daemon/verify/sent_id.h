/* SPDX-License-Identifier: Apache-2.0 */
/* A token that is known by the SHA-256 of its value has an id that clients cannot compare with the
 * value that they sent.  So the reply has the value's own id as well. */
#ifndef JETON_DAEMON_VERIFY_SENT_ID_H
#define JETON_DAEMON_VERIFY_SENT_ID_H

#include "proto/limits.h"
#include "proto/line.h"

/* Add [sent=ID], unless the token's digest is the value's own. */
void sent_id_put(struct text *t, struct slice value, const uint8_t digest[DIGEST_SIZE]);

#endif
