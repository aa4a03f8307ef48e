/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a caller's claims.  No state. */
#ifndef JETON_PLUGIN_LIB_CLAIMS_H
#define JETON_PLUGIN_LIB_CLAIMS_H

#include "plugin/lib/jeton.h"
#include "proto/limits.h"
#include "proto/text.h"

/* Sets every member but `size` to what is known of no token. */
void claims_clear(struct jeton_claims *claims);

/* Copies text into a member of `size` bytes and ends it with a NUL.  False: it does not fit, or it
 * holds a NUL; then the member is unchanged. */
bool claims_set_text(char *to, size_t size, struct slice text);

/* Writes an identifier as hex digits and ends it with a NUL. */
void claims_format_id(char to[ID_TEXT + 1], const uint8_t id[ID_SIZE]);

#endif
