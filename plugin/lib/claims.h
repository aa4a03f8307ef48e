/* SPDX-License-Identifier: Apache-2.0 */
/* Fill a caller's claims.  No state. */
#ifndef JETON_PLUGIN_LIB_CLAIMS_H
#define JETON_PLUGIN_LIB_CLAIMS_H

#include "plugin/lib/jeton.h"
#include "proto/limits.h"
#include "proto/text.h"

/* Clear every member but `size`, as for an unknown token. */
void claims_clear(struct jeton_claims *claims);

/* Copy text into a member of `size` bytes and end it with a NUL.  If it does not fit, or holds a
 * NUL, return false and leave the member unchanged. */
bool claims_set_text(char *to, size_t size, struct slice text);

/* Write an identifier as hex digits and end it with a NUL. */
void claims_format_id(char to[ID_TEXT + 1], const uint8_t id[ID_SIZE]);

#endif
