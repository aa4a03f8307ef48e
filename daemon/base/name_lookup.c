/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/name_lookup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

int name_lookup_error(void)
{
    return errno == ENOENT || errno == ESRCH ? 0 : errno;
}

bool name_lookup_user(const char *name, id_t *id)
{
    errno = 0;
    const struct passwd *found = getpwnam(name);

    if (found != NULL)
        *id = found->pw_uid;
    else
        errno = name_lookup_error();
    return found != NULL;
}

bool name_lookup_group(const char *name, id_t *id)
{
    errno = 0;
    const struct group *found = getgrnam(name);

    if (found != NULL)
        *id = found->gr_gid;
    else
        errno = name_lookup_error();
    return found != NULL;
}
