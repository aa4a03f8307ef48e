/* SPDX-License-Identifier: Apache-2.0 */
/* The time of a token's last use, where it is not a verification that sets it.  Any thread. */
#ifndef JETON_DAEMON_TABLE_USE_TIME_H
#define JETON_DAEMON_TABLE_USE_TIME_H

#include "daemon/table/token_table.h"

/* Note that a token was used at this time, if no later use of it is known here. */
void use_time_note(struct token_table *t, const uint8_t id[ID_SIZE], int64_t time);

#endif
