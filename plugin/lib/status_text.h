/* SPDX-License-Identifier: Apache-2.0 */
/* The statuses of proto/ as the library's public statuses, and jeton_status_*().  No state. */
#ifndef JETON_PLUGIN_LIB_STATUS_TEXT_H
#define JETON_PLUGIN_LIB_STATUS_TEXT_H

#include "plugin/lib/jeton.h"
#include "proto/status.h"

/* Return the public status of a status; JETON_UNAVAILABLE for those that callers of the library
 * never see. */
enum jeton_status status_text_public(enum status status);

/* Return the row of a public status, or that of JETON_UNAVAILABLE for one that this version does not
 * know. */
const struct status_row *status_text_row(enum jeton_status status);

#endif
