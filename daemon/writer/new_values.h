/* SPDX-License-Identifier: Apache-2.0 */
/* Make the values of new tokens.  Many are made together: that takes fewer system calls, and digests are
 * computed several at once.  Any thread. */
#ifndef JETON_DAEMON_WRITER_NEW_VALUES_H
#define JETON_DAEMON_WRITER_NEW_VALUES_H

#include "daemon/writer/change.h"

/* Make a value for each of these changes that needs one, with this prefix, and its digest. */
void new_values_make(const struct mail_list *changes, const char *prefix);

#endif
