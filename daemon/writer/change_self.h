/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that users ask for of their own tokens (ROLE_SELF).  A token that is not the user's is
 * unknown: whoever it belongs to, the answer is that to an identifier which nothing has.
 *
 * A denial of what is the user's takes effect inside the transaction, when it is known whose the token
 * is, and before the commit; it is kept and tried again, like every denial, if that fails. */
#ifndef JETON_DAEMON_WRITER_CHANGE_SELF_H
#define JETON_DAEMON_WRITER_CHANGE_SELF_H

#include "daemon/writer/writer_state.h"

enum { CHANGE_SELF_LISTED = 1000 }; /* tokens of a user that are listed, in whatever state */

/* Make a change that was read one of this user: a new token gets his name as its subject, and no token
 * another one.  STATUS_OK, or *problem.  Any worker's thread. */
enum status change_self_begin(struct change *c, struct slice user, struct problem *problem);

/* -- the writer's thread only, all but the second inside a transaction ------------------------ */

/* False: the change is a user's, and it is about a token that is not his, or adds one beyond what may
 * be listed; its problem says so, or STATUS_STORE that the transaction is spoilt. */
bool change_self_permits(struct change *c, struct writer *w);

/* Find out whose the token of a denial is where there can be no transaction: what is the user's is then
 * denied in memory. */
void change_self_find(struct change *c, struct store *store);

/* Note in an applied change whose the token is, and let its denial take effect. */
void change_self_settle(struct change *c, struct token_table *token_table);

/* Bring the index into agreement with a change that is about to be published. */
void change_self_index(const struct change *c, struct token_table *token_table,
                       struct subject_index *subjects);

#endif
