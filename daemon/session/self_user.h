/* SPDX-License-Identifier: Apache-2.0 */
/* Whose tokens a session on a socket of ROLE_SELF is about: those of its peer's uid, by the name that
 * the uid has now (base/user_names.h).  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_SELF_USER_H
#define JETON_DAEMON_SESSION_SELF_USER_H

#include "daemon/session/session.h"

/* True if it is known who the user is, or why that is not known.  False: it was asked for, and the
 * session runs again when it is. */
bool self_user_is_known(struct session *s);

/* Return the user's name.  .at == NULL: there is none, and the
 * request was refused. */
struct slice self_user_name(struct session *s);

/* Take the question back.  The session is SESSION_CLOSED; while the answer is on its way it is away. */
void self_user_close(struct session *s);

#endif
