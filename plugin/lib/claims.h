/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a caller's claims. */
#ifndef JETON_PLUGIN_LIB_CLAIMS_H
#define JETON_PLUGIN_LIB_CLAIMS_H

#include "plugin/lib/jeton.h"
#include "proto/limits.h"
#include "proto/text.h"

void claims_clear(struct jeton_claims *claims);

/* False if the text does not fit or holds a NUL. */
bool claims_text(char *to, size_t room, struct slice text);
void claims_id(char to[ID_TEXT + 1], const uint8_t id[ID_SIZE]);

#endif
