/* SPDX-License-Identifier: Apache-2.0 */
/* Read keys that only imports and bans have.  As the readers of change_request.c: return NULL, or what
 * is wrong with the value. */
#ifndef JETON_DAEMON_WRITER_IMPORT_KEYS_H
#define JETON_DAEMON_WRITER_IMPORT_KEYS_H

#include "daemon/writer/change.h"

const char *import_keys_by(struct change *c, struct slice v);
const char *import_keys_owner(struct change *c, struct slice v);
const char *import_keys_used(struct change *c, struct slice v);
const char *import_keys_digest_alg(struct change *c, struct slice v);

/* Write what an import did to a token that was here: [merged=deny|update]. */
void import_keys_put_merged(const struct change *c, struct text *t);

#endif
