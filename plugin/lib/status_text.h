/* SPDX-License-Identifier: Apache-2.0 */
/* What the library calls the statuses of proto/.  The public jeton_status_*() are here
 * too.  No state. */
#ifndef JETON_PLUGIN_LIB_STATUS_TEXT_H
#define JETON_PLUGIN_LIB_STATUS_TEXT_H

#include "plugin/lib/jeton.h"
#include "proto/status.h"

/* JETON_UNAVAILABLE for what no caller of the library should see. */
enum jeton_status status_text_public(enum status means);

#endif
