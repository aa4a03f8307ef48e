/* SPDX-License-Identifier: Apache-2.0 */
/* Look at the table without its mutex, from the threads that verify: a growth holds the mutex for a
 * third of a second at millions of tokens, and whatever waits for it meanwhile makes all clients of
 * its thread wait.
 *
 * `reader` is the thread's number, as for token_table_enter(); do not call these in between that
 * and token_table_leave().  Only for a slot that is being written, after some tries, the mutex is
 * taken. */
#ifndef JETON_DAEMON_TABLE_TOKEN_LOOK_H
#define JETON_DAEMON_TABLE_TOKEN_LOOK_H

#include "daemon/table/token_table.h"

/* As token_table_look(), without the time of the last use. */
uint32_t token_look(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                    uint8_t digest[DIGEST_SIZE]);

/* Note by id that a token was used, if it is active; do nothing for any other. */
void token_look_touch(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                      int64_t now);

/* Return the state of a token; STATUS_UNKNOWN: there is none, or it is just being changed. */
enum status token_look_state(struct token_table *t, unsigned reader, const uint8_t id[ID_SIZE],
                             int64_t now);

/* As token_table_figures(). */
struct token_table_figures token_look_figures(struct token_table *t, unsigned reader);

/* Open a read-only descriptor of the current table, for the caller to send and close; -errno.
 * -EBUSY: clients hold too many old ones. */
int token_look_descriptor(struct token_table *t, unsigned reader, uint64_t *size,
                          uint64_t *generation);

#endif
