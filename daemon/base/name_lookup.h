/* SPDX-License-Identifier: Apache-2.0 */
/* Look up users and groups of this host by name, and tell a name that does not exist from a name service
 * that does not answer.  It may have to wait for one; one thread at a time. */
#ifndef JETON_DAEMON_BASE_NAME_LOOKUP_H
#define JETON_DAEMON_BASE_NAME_LOOKUP_H

#include <stdbool.h>
#include <sys/types.h>

/* False: errno is why the name cannot be looked up, or 0 if this host does not have it. */
bool name_lookup_user(const char *name, id_t *id);
bool name_lookup_group(const char *name, id_t *id);

enum { NAME_LOOKUP_MAX = 256 }; /* bytes of a user's name */

/* Look up the name of a uid, and that it is this uid's name alone: any thread.  Return 0; ENOENT if the
 * uid has no name; EINVAL if it has one that cannot be shown, or is too long; ESTALE if the name leads to
 * another user; or another error number if that cannot be found out. */
int name_lookup_uid(uid_t uid, char name[NAME_LOOKUP_MAX + 1]);

/* Return errno after a look-up that found nothing; 0 if it means that nothing has the name. */
int name_lookup_error(void);

#endif
